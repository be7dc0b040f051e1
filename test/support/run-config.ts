/** A run of some seconds that does a little of everything: a teleportation whose momentum is moved, checkpoints within epochs. */
export const CONFIG = `data: { name: random, shape: [3, 8, 8], training: 96, validation: 32, classes: 4 }
model: { name: mlp, hidden: [24, 24] }
training:
  epochs: 3
  batchSize: 16
  optimizer: { name: adam, lr: 0.01 }
teleportations:
  - { epoch: 1, kind: random, sampling: inter, momentum: transport }
checkpoints: { steps: 2, keep: 2 }
threads: 1
seed: 3
`
