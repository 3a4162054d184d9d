/*
 * Text for help screens and manual pages, which wrap by themselves: a paragraph is one line, however it is broken in the source.
 */

/** Joins the lines of each paragraph; paragraphs stand apart by an empty line. */
export function prose(text: string): string {
  return text.split(/\n[ \t]*\n/).map((paragraph) => paragraph.trim().replaceAll(/\s*\n\s*/g, ' ')).join('\n\n')
}
