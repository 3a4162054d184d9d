// Names in a directory: their order, what fits into an index, and chunks that can be visited one after the other.

import {fc, test} from '@fast-check/vitest'
