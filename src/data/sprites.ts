import { decode } from 'fast-png'
import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'
import { PIXELS } from './cifar-format.js'

/**
 * Records from a sprite: a PNG in which each row is an image, its 32·32 RGB pixels one after the other.
 * @param labels as many as the sprite must have rows
 * @param where the sprite's name, for errors
 * @throws ModelError where the PNG is damaged or has another size
 */
export function recordsOfSprite(png: Uint8Array, labels: readonly number[], where: string): Uint8Array {
  const plane = PIXELS / 3
  checkHeader(png, plane, labels.length, where)
  const rgb = decoded(png, where)
  const records = new Uint8Array(labels.length * (1 + PIXELS))
  for (let row = 0, from = 0; row < labels.length; row++) {
    const at = row * (1 + PIXELS)
    records[at] = labels[row] as number
    for (let i = at + 1; i <= at + plane; i++, from += 3) {
      records[i] = rgb[from] as number
      records[i + plane] = rgb[from + 1] as number
      records[i + 2 * plane] = rgb[from + 2] as number
    }
  }
  return records
}

/** The header is looked at before the pixels are unpacked, for which it says how much memory is taken. */
function checkHeader(png: Uint8Array, width: number, height: number, where: string): void {
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const isPng = png.length > 33 && header.getUint32(0) === 0x89504e47 && header.getUint32(12) === 0x49484452
  if (!isPng) throw new ModelError(`${quoted(where)} is not a PNG file`)
  const found = [header.getUint32(16), header.getUint32(20), header.getUint8(24), header.getUint8(25)]
  if (found[0] !== width || found[1] !== height || found[2] !== 8 || found[3] !== 2)
    throw new ModelError(
      `${quoted(where)}: expected ${width}×${height} pixels of 8-bit RGB, got ${found[0]}×${found[1]} of ${found[2]} bits, colour type ${found[3]}`,
    )
}

function decoded(png: Uint8Array, where: string): Uint8Array {
  try {
    return decode(png, { checkCrc: true }).data as Uint8Array
  } catch (error) {
    throw new ModelError(`${quoted(where)} is damaged: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/**
 * Labels from a JSON list of whole numbers.
 * @throws ModelError where it is none, is not as long as it must be, or a label is none of the classes
 */
export function labelsOfJson(json: Uint8Array, count: number, classes: number, where: string): readonly number[] {
  let labels: unknown
  try {
    labels = JSON.parse(new TextDecoder().decode(json))
  } catch {
    throw new ModelError(`${quoted(where)} is not JSON`)
  }
  if (!Array.isArray(labels) || labels.length !== count)
    throw new ModelError(`${quoted(where)}: expected a list of ${count} labels`)
  if (!labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes))
    throw new ModelError(`${quoted(where)}: expected whole numbers below ${classes}`)
  return labels as readonly number[]
}
