import type { MarkdownRenderer } from 'vitepress'

type Token = ReturnType<MarkdownRenderer['parse']>[number]

/** Whether a link leads to another site, a place of its page, or a page that the site has. */
const isKept = (href: string): boolean => /^([a-z]+:|#)|\.md(#|$)/.test(href) && !/\bAGENTS\.md/.test(href)

/**
 * Links to source files stay text: the site has pages alone. Two braces in a text stay braces: Vue would take them for an expression.
 */
export function adaptMarkdown(md: MarkdownRenderer): void {
  md.core.ruler.push('source-links', ({ tokens }) => {
    for (const token of tokens) if (token.children) token.children = withoutSourceLinks(token.children)
  })
  const { text, code_block: codeBlock } = md.renderer.rules
  md.renderer.rules.text = (...args) => (text?.(...args) ?? '').replaceAll('{{', '&#123;&#123;')
  md.renderer.rules.code_block = (...args) => (codeBlock?.(...args) ?? '').replace('<pre', '<pre v-pre')
}

function withoutSourceLinks(tokens: Token[]): Token[] {
  let isDropped = false
  return tokens.filter((token) => {
    if (token.type === 'link_open') isDropped = !isKept(token.attrGet('href') ?? '')
    if (token.type === 'link_close' && isDropped) {
      isDropped = false
      return false
    }
    return !(token.type === 'link_open' && isDropped)
  })
}
