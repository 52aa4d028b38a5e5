// Where tools and agents keep credentials outside a project: what an agent opens first.
import { join } from 'node:path'

/** Below a home directory. Files, or directories that are searched as a whole. */
const belowHome = [
  ...['.aws/credentials', '.aws/config', '.aws/sso/cache', '.aws/cli/cache', '.aws/login/cache'],
  ...[
    '.azure',
    '.config/gcloud',
    '.boto',
    '.oci',
    '.config/scw',
    '.config/hcloud',
    '.config/linode-cli',
    '.config/exoscale',
  ],
  ...['.config/doctl', '.config/cloudflare', '.wrangler/config', '.config/.wrangler/config', '.cloudflared'],
  ...['.railway', '.config/railway', '.render', '.config/render', '.fly', '.supabase', '.config/supabase'],
  ...['.config/neonctl', '.config/neon', '.config/planetscale', '.pscale', '.config/netlify', '.netlify'],
  ...[
    '.vercel',
    '.config/com.vercel.cli',
    '.local/share/com.vercel.cli',
    '.config/heroku',
    '.turso',
    '.config/turso',
  ],
  ...[
    '.config/gh',
    '.config/hub',
    '.config/glab-cli',
    '.config/tea',
    '.git-credentials',
    '.config/git/credentials',
  ],
  ...['.gitconfig', '.config/git/config', '.netrc', '.authinfo', '.config/jira', '.config/.jira'],
  ...[
    '.docker/config.json',
    '.config/containers/auth.json',
    '.kube/config',
    '.config/helm',
    '.config/argocd',
    '.talos/config',
  ],
  ...[
    '.terraform.d/credentials.tfrc.json',
    '.terraformrc',
    '.pulumi/credentials.json',
    '.vault-token',
    '.doppler',
  ],
  ...['.config/op', '.config/infisical', '.infisical', '.config/sops/age/keys.txt', '.age'],
  ...['.npmrc', '.yarnrc', '.yarnrc.yml', '.bunfig.toml', '.pypirc', '.config/pip/pip.conf', '.pip/pip.conf'],
  ...[
    '.config/pypoetry/auth.toml',
    '.cargo/credentials',
    '.cargo/credentials.toml',
    '.gem/credentials',
    '.bundle/config',
  ],
  ...[
    '.composer/auth.json',
    '.config/composer/auth.json',
    '.m2/settings.xml',
    '.gradle/gradle.properties',
    '.nuget/NuGet',
  ],
  ...[
    '.pgpass',
    '.pg_service.conf',
    '.my.cnf',
    '.mylogin.cnf',
    '.mongorc.js',
    '.config/mongodb',
    '.snowsql/config',
  ],
  ...[
    '.s3cfg',
    '.mc/config.json',
    '.config/rclone',
    '.config/restic',
    '.config/borg',
    '.passwd-s3fs',
    '.config/s3ql',
  ],
  ...[
    '.ssh',
    '.putty',
    '.config/filezilla',
    '.ngrok2',
    '.config/ngrok',
    '.sentryclirc',
    '.databrickscfg',
    '.kaggle/kaggle.json',
  ],
  // Agents keep their own logins, and those of the servers that they call.
  ...[
    '.claude/.credentials.json',
    '.claude.json',
    '.claude/settings.json',
    '.config/claude',
    '.codex/auth.json',
    '.codex/config.toml',
  ],
  ...[
    '.cursor/mcp.json',
    '.config/cursor/auth.json',
    '.gemini/oauth_creds.json',
    '.gemini/settings.json',
    '.config/opencode',
  ],
  ...[
    '.local/share/opencode/auth.json',
    '.config/github-copilot',
    '.copilot',
    '.aider.conf.yml',
    '.continue/config.json',
  ],
  ...[
    '.continue/config.yaml',
    '.codeium',
    '.config/goose',
    '.config/zed/settings.json',
    '.openai',
    '.config/openai',
  ],
  ...[
    '.anthropic',
    '.cache/huggingface/token',
    '.huggingface/token',
    '.config/replicate',
    '.modal.toml',
    '.env',
  ],
  // Commands that were typed, with what was typed into them.
  ...[
    '.bash_history',
    '.zsh_history',
    '.local/share/fish/fish_history',
    '.psql_history',
    '.mysql_history',
    '.python_history',
  ],
  ...['.node_repl_history', '.rediscli_history', '.sh_history', '.histfile'],
  ...[
    '.bashrc',
    '.bash_profile',
    '.profile',
    '.zshrc',
    '.zshenv',
    '.zprofile',
    '.envrc',
    '.config/fish/config.fish',
  ],
]

/** Variables that name a location instead. */
const namedByVariable = [
  ...['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'PGPASSFILE', 'NETRC'],
  ...[
    'GOOGLE_APPLICATION_CREDENTIALS',
    'NPM_CONFIG_USERCONFIG',
    'DOCKER_AUTH_CONFIG_FILE',
    'RCLONE_CONFIG',
    'HISTFILE',
  ],
  ...[
    'RESTIC_PASSWORD_FILE',
    'SOPS_AGE_KEY_FILE',
    'TF_CLI_CONFIG_FILE',
    'VAULT_TOKEN_FILE',
    'CLAUDE_CONFIG_DIR',
    'CODEX_HOME',
  ],
]

export function credentialLocations(
  home: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const named = namedByVariable.flatMap((name) => environment[name] || [])
  const kubeconfigs = (environment['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '')
  return [
    ...new Set([
      ...(home === null ? [] : belowHome.map((path) => join(home, path))),
      ...named,
      ...kubeconfigs,
    ]),
  ]
}
