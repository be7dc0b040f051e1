import type { Model } from '../../graph/model.js'
import { readModel } from '../../onnx/read.js'
import { type WriteOptions, writeModel } from '../../onnx/write.js'
import { nodeFiles } from './files.js'

/**
 * Reads an .onnx file and the external data that it names. Large tensors stay on the disk until somebody asks for their bytes.
 * @throws ModelError for a file that is missing, damaged, or outside opset 7 to 23 and IR version 3 to 11
 */
export async function loadModel(path: string): Promise<Model> {
  return Promise.resolve(readModel(nodeFiles, path))
}

/**
 * Writes a model to `path`, and its external data, if it has any, to `path` + '.data'. The files appear when they are complete;
 * after an error everything is as it was.
 * @throws ModelError if a file exists and `force` is not set, or cannot be written
 */
export async function saveModel(model: Model, path: string, options: WriteOptions = {}): Promise<void> {
  writeModel(nodeFiles, model, path, options)
  return Promise.resolve()
}
