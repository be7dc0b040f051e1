import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** The folders of src in the order in which a model flows: each may import from itself and from those before it. */
const FOLDERS = [
  'graph',
  'onnx',
  'ops',
  'shapes',
  'quiver',
  'cob',
  'runtime',
  'teleport',
  'autodiff',
  'train',
  'models',
  'data',
  'runs',
  'sweeps',
  'plot',
  'experiments',
  'cli',
]

/** What runs in a browser too. */
const CORE = ['graph', 'onnx', 'ops', 'shapes', 'quiver', 'cob', 'teleport', 'autodiff', 'train', 'models', 'plot']

/** What lives on a disk, and binds ports to Node itself. */
const NODE_ONLY = ['data', 'runs', 'sweeps', 'experiments', 'cli']

const NODE = {
  regex: '^(node:|fs$|path$|os$|onnxruntime-node)',
  message:
    'The core imports nothing of Node: files and sessions come in through ports (src/onnx/files.ts, src/runtime/session.ts).',
}

/**
 * `graph` holds the types that all others share, so it comes first. `runtime` stands before `teleport`, since verifying runs two
 * models; `runtime/node` binds ports to Node, and may import anything that it hands a port to.
 */
function imports(folder) {
  const later = FOLDERS.slice(FOLDERS.indexOf(folder) + 1)
  const patterns = [
    ...(later.length === 0
      ? []
      : [{ regex: `^\\.\\./(${later.join('|')})/`, message: `src/${folder} stands before ${later.join(', ')}.` }]),
    ...(NODE_ONLY.includes(folder)
      ? []
      : [
          {
            regex: '/runtime/node/',
            message: `src/runtime/node is for ${NODE_ONLY.join(', ')} and src/index.ts alone.`,
          },
        ]),
    ...(CORE.includes(folder) ? [NODE] : []),
  ]
  return {
    files: [`src/${folder}/**/*.ts`],
    ignores: ['src/runtime/node/**', 'src/cli/**', 'src/plot/png.ts', 'src/plot/font/source-sans.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  }
}

export default defineConfig(
  { ignores: ['dist', 'coverage', 'node_modules', '.cache'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // `return pin(x)` ends a rule early and says what it ends with.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // It does not see what a closure assigns, nor what callers without types leave out.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Walking up a chain of parents starts at `this`.
      '@typescript-eslint/no-this-alias': 'off',
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // A port's implementation gets back the objects that it gave out, and protobuf's wire types are plain numbers.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      // Under noUncheckedIndexedAccess an index that a loop has checked needs an assertion; `as` says of what type.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly', console: 'readonly' } },
  },
  ...FOLDERS.map(imports),
)
