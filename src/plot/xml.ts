/** Text within XML: names may hold anything, XML may not. */
export function escaped(text: string): string {
  const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[^\P{Cc}\n\t]|[\p{Cs}\uFFFE\uFFFF]/gu, '?').replace(/[&<>"]/g, (mark) => marks[mark] ?? mark)
}
