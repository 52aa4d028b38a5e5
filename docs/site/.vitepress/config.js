// The site has the repository's own Markdown. Its menu is docs/README.md: one page to a reader's question.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { defineConfig } from 'vitepress'

const root = resolve(import.meta.dirname, '../../..')
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const address = (repository?.url ?? '').replace(/^git\+|\.git$/g, '')

/** The tables of docs/README.md: a group for each heading, an entry for each question. */
function menu() {
  const text = readFileSync(join(root, 'docs/README.md'), 'utf8')
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      text: section.split('\n', 1)[0],
      collapsed: false,
      items: Array.from(section.matchAll(/^\| ([^|]+\?) \| \[[^\]]*\]\(([^)]+)\)/gm), ([, question, target]) => ({
        text: question,
        link: `/${relative(root, resolve(root, 'docs', target)).replace(/\.md(?=#|$)/, '')}`,
      })).filter(({ link }) => link !== '/docs/adr'),
    }))
}

/** Beside the installed packages, because Vue must be found from each page. */
function copyPages() {
  const folder = resolve(import.meta.dirname, '../pages')
  rmSync(folder, { recursive: true, force: true })
  for (const page of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])
    cpSync(join(root, page), join(folder, page))
  for (const entry of readdirSync(join(root, 'docs')).filter((name) => name !== 'site'))
    cpSync(join(root, 'docs', entry), join(folder, 'docs', entry), { recursive: true })
  return folder
}

const pages = copyPages()
const isPage = (file) => file.endsWith('.md') && existsSync(join(pages, relative(root, file)))

/** A link to a file that is no page leads to the repository. The test of the pages holds that it exists. */
function linkToSources(markdown) {
  const render = markdown.renderer.rules.link_open
  markdown.renderer.rules.link_open = (tokens, index, options, environment, self) => {
    const token = tokens[index]
    const href = token.attrGet('href') ?? ''
    const path = href.split('#')[0]
    const file = resolve(root, dirname(environment.relativePath), path)
    if (path !== '' && !/^[a-z]+:/.test(path) && !isPage(file)) {
      if (!existsSync(file)) throw new Error(`${environment.relativePath} links to ${href}, which isn't there`)
      token.attrSet('href', `${address || 'https://invalid.example'}/tree/HEAD/${relative(root, file)}`)
    }
    return render === undefined
      ? self.renderToken(tokens, index, options)
      : render(tokens, index, options, environment, self)
  }
}

export default defineConfig({
  title: 'Holdfast',
  description: 'Backups that survive an attacker who holds every credential of your production account.',
  srcDir: pages,
  outDir: './dist',
  cacheDir: './node_modules/.cache',
  rewrites: { 'README.md': 'index.md', 'docs/README.md': 'docs/index.md' },
  lastUpdated: false,
  // The site sends nothing about its readers, and needs no network but its own.
  markdown: { config: linkToSources },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3], label: 'On this page' },
    nav: [
      { text: 'Which page do I need?', link: '/docs/' },
      { text: 'Restore now', link: '/docs/restore' },
      { text: 'Commands', link: '/docs/cli' },
    ],
    sidebar: menu(),
    ...(address === '' ? {} : { socialLinks: [{ icon: 'github', link: address }] }),
  },
})
