/**
 * The few requests of man(7) that the pages need, and the escapes that keep text from being taken for one. Marked up text
 * has `code` in backquotes; all else is as it reads.
 */

/** The first line of a page. The date is fixed: the pages change when the commands do, not when they are built. */
export function titleLine(page: string, version: string): string {
  return `.TH ${page.toUpperCase().replaceAll('-', '\\-')} 1 2026-11-22 "bk ${version}" "bk manual"\n`
}

/** A section of the page, or nothing for an empty one. */
export function section(title: string, body: string): string {
  // The heading begins a paragraph already.
  return body === '' ? '' : `.SH ${title.includes(' ') ? `"${title}"` : title}\n${body.replace(/^\.PP\n/, '')}`
}

/** A term and, indented below it, what it means. `term` is roff, `text` marked up. */
export function entry(term: string, text: string): string {
  return `.TP\n${term}\n${lines(text)}`
}

/** Paragraphs divided by empty lines; a paragraph that is indented is shown as it is. */
export function paragraphs(text: string): string {
  return text
    .trimEnd()
    .split(/\n(?:[ \t]*\n)+/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => (/^ {2,}/.test(paragraph) ? literal(paragraph.replaceAll(/^ {2,4}/gm, '')) : `.PP\n${lines(paragraph)}`))
    .join('')
}

/** Text that is shown as it is, set off from the rest. */
export function literal(text: string): string {
  return `.PP\n.RS 4\n.EX\n${text.split('\n').map(plainLine).join('\n')}\n.EE\n.RE\n`
}

/** Bold, for what is typed as it stands. */
export function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`
}

/** Italic, for what stands for something else. */
export function italic(text: string): string {
  return `\\fI${plain(text)}\\fR`
}

/** Marked up text as filled lines, a sentence each: so roff knows where one ends. */
export function lines(text: string): string {
  const marked = text.trim().replaceAll(/([.:?!]) (?=[A-Z`])/g, '$1\n').split('\n').map((line) => guard(inline(line.trim())))
  return `${marked.join('\n')}\n`
}

function inline(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) => (part.startsWith('`') && part.length > 2 ? bold(part.slice(1, -1)) : plain(part)))
    .join('')
}

/** Text without any markup, with roff's own characters escaped; a hyphen stays one that can be copied and searched. */
export function plain(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('`', '\\(ga').replaceAll('^', '\\(ha').replaceAll('~', '\\(ti')
}

function plainLine(line: string): string {
  return guard(plain(line))
}

/* A dot at the begin of a line is a request. */
function guard(line: string): string {
  return line.startsWith('.') ? `\\&${line}` : line
}
