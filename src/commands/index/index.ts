/*
 * bk index: what a tree looks like, as text. (A folder, because oclif drops a command file named index.ts.)
 */
import {join} from 'node:path'
import {onInterrupt} from '../../lib/cli/cleanup.ts'
import {BkCommand} from '../../lib/cli/command.ts'
import {usageError} from '../../lib/cli/errors.ts'
import type {ExitStatus} from '../../lib/cli/exit.ts'
import {
  digitChar, jsonFlag, numberFlag, operands, quietFlag, repeatableFlag, sizeFlag, switchFlag, valueFlag, verboseFlag, wordFlag,
} from '../../lib/cli/flags.ts'
import {openIndex} from '../../lib/cli/index-input.ts'
import {openInput, operandBytes, type Input} from '../../lib/cli/input.ts'
import {writeOut, type Records} from '../../lib/cli/output.ts'
import type {Speech} from '../../lib/cli/speech.ts'
import {patternLines} from '../../lib/source/exclude.ts'
import {checksumList, jsonList} from '../../lib/source/listing.ts'
import {localSource} from '../../lib/source/local.ts'
import {joinWanted, realDirectory, resolveList, resolveOperands, type Wanted} from '../../lib/source/operands.ts'
import {readReference} from '../../lib/source/reference.ts'
import {indexText, type Source} from '../../lib/source/source.ts'
