import { describe, expect, it } from 'vitest'
import { joinedGroups, quiverGraph } from '../../src/plot/quiver-graph.js'
import { quiverSvg } from '../../src/plot/quiver-svg.js'
import { quiverOf } from '../../src/quiver/quiver.js'
import { loadSkeleton } from '../support/skeleton.js'

const resnet = quiverOf(loadSkeleton('resnet18-narrow4'))

describe('the graph of a quiver', () => {
  it('has the layers of a ResNet-18, its eight Adds, and no arrow from nowhere', () => {
    const { dots, arrows } = quiverGraph(resnet)
    const labels = dots.map((dot) => (dot.kind === 'vertex' ? dot.vertex.opType : `${dot.kind} ${dot.label}`))
    const count = (label: string): number => labels.filter((other) => other === label).length
    expect([count('Conv'), count('BatchNormalization'), count('Gemm'), count('merge Add')]).toEqual([20, 20, 1, 8])
    for (const { from, to } of arrows) expect(from).toBeLessThan(to)
    dots.forEach((dot, i) => {
      const into = arrows.filter(({ to }) => to === i).length
      expect(into, labels[i]).toBe(dot.kind === 'input' ? 0 : dot.kind === 'merge' ? 2 : 1)
    })
  })

  it('joins what the Adds of a stage join, and nothing else', () => {
    const letters = joinedGroups(resnet)
    const stages = new Map<string, number>()
    for (const letter of letters.values()) stages.set(letter, (stages.get(letter) ?? 0) + 1)
    expect([...stages.values()]).toEqual([3, 3, 3, 3])
  })

  it('is a chain where a dense block is a mesh', () => {
    const { dots, arrows } = quiverGraph(quiverOf(loadSkeleton('densenet121-narrow4')))
    expect(arrows.length).toBeLessThan(1.5 * dots.length)
  })
})

describe('the drawing', () => {
  it('is well-formed and has every layer, whatever their names', () => {
    const svg = quiverSvg(resnet, { title: 'a <b> & "c"\u0000' })
    expect(svg).toContain('a &lt;b&gt; &amp; &quot;c&quot;?')
    for (const vertex of resnet.vertices) expect(svg).toContain(vertex.name)
    const open = svg.match(/<(g|text|title|defs|marker|svg)\b/g)?.length
    expect(svg.match(/<\/(g|text|title|defs|marker|svg)>/g)).toHaveLength(open ?? 0)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  it.each(['vit-narrow', 'seq2seq', 'voice-if', 'squeezenet1_1-narrow4'])('of %s has numbers throughout', (name) => {
    expect(quiverSvg(quiverOf(loadSkeleton(name), { scope: 'full' }))).not.toMatch(/NaN|Infinity|undefined/)
  })
})
