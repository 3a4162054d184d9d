/*
 * Ages for people, in the letters in which they are typed: 45s, 12m, 5h12m, 27h, 3D4h, 120D.
 */
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A number of seconds in one or two units, rounded down; hours go up to two days, since `26h` is what one says. */
export function formatAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < MINUTE) return `${whole}s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m`
  if (whole < 10 * HOUR) return both(whole, [HOUR, 'h'], [MINUTE, 'm'])
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)}h`
  return whole < 10 * DAY ? both(whole, [DAY, 'D'], [HOUR, 'h']) : `${Math.floor(whole / DAY)}D`
}

type Unit = readonly [seconds: number, letter: string]

function both(whole: number, [large, first]: Unit, [small, second]: Unit): string {
  const rest = Math.floor((whole % large) / small)
  return `${Math.floor(whole / large)}${first}${rest === 0 ? '' : `${rest}${second}`}`
}
