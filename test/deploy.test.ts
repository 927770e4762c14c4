import { assert, describe, it } from "@effect/vitest"
import { parser } from "@prometheus-io/lezer-promql"
import { Effect, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { execFile, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../", import.meta.url))
const folder = new URL("../deploy/", import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, folder), "utf8")
const manifest = <A>(name: string, schema: Schema.Codec<A, unknown>): A =>
  Schema.decodeUnknownSync(schema)(Yaml.parse(text(`kubernetes/${name}.yaml`)), { onExcessProperty: "ignore" })

const Named = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  metadata: Schema.Struct({ name: Schema.String })
})

const Probe = Schema.Struct({
  httpGet: Schema.Struct({ path: Schema.String, port: Schema.String }),
  periodSeconds: Schema.Int,
  failureThreshold: Schema.optionalKey(Schema.Int),
  terminationGracePeriodSeconds: Schema.optionalKey(Schema.Int)
})

const Deployment = Schema.Struct({
  spec: Schema.Struct({
    replicas: Schema.optionalKey(Schema.Int),
    selector: Schema.Struct({ matchLabels: Schema.Record(Schema.String, Schema.String) }),
    template: Schema.Struct({
      metadata: Schema.Struct({ labels: Schema.Record(Schema.String, Schema.String) }),
      spec: Schema.Struct({
        terminationGracePeriodSeconds: Schema.Int,
        securityContext: Schema.Struct({ runAsNonRoot: Schema.Boolean, runAsUser: Schema.Int }),
        containers: Schema.NonEmptyArray(Schema.Struct({
          ports: Schema.Array(Schema.Struct({ name: Schema.String, containerPort: Schema.Int })),
          envFrom: Schema.Array(Schema.Struct({ secretRef: Schema.Struct({ name: Schema.String }) })),
          resources: Schema.Struct({
            requests: Schema.Struct({ cpu: Schema.String, memory: Schema.String }),
            limits: Schema.Struct({ cpu: Schema.String, memory: Schema.String })
          }),
          env: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.String })),
          securityContext: Schema.Struct({
            allowPrivilegeEscalation: Schema.Boolean,
            readOnlyRootFilesystem: Schema.Boolean
          }),
          volumeMounts: Schema.Array(Schema.Struct({ mountPath: Schema.String })),
          startupProbe: Probe,
          livenessProbe: Probe,
          readinessProbe: Probe
        }))
      })
    })
  })
})

const Service = Schema.Struct({
  spec: Schema.Struct({
    selector: Schema.Record(Schema.String, Schema.String),
    ports: Schema.Array(Schema.Struct({ port: Schema.Int, targetPort: Schema.String }))
  })
})

const Autoscaler = Schema.Struct({
  spec: Schema.Struct({
    scaleTargetRef: Schema.Struct({ name: Schema.String }),
    minReplicas: Schema.Int,
    maxReplicas: Schema.Int
  })
})

const Kustomization = Schema.Struct({
  kind: Schema.Literal("Kustomization"),
  resources: Schema.Array(Schema.String),
  patches: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String })))
})

const files = ["base", "by-calls"].flatMap((name) =>
  readdirSync(new URL(`kubernetes/${name}/`, folder)).map((file) => `${name}/${file}`)
)

const manifests = files.filter((file) => !file.endsWith("kustomization.yaml")).map((file) => {
  const parsed = Yaml.parse(text(`kubernetes/${file}`))
  const { apiVersion, kind } = Schema.decodeUnknownSync(Named)(parsed, { onExcessProperty: "ignore" })
  return { file, parsed, kind, model: `kubernetes-models/${apiVersion}/${kind}` }
})

const Model = Schema.Record(
  Schema.String,
  Schema.declare((u): u is new(manifest: unknown) => { readonly validate: () => void } => typeof u === "function")
)

/** What is wrong with a manifest by the schema of its kind. */
const schemaProblem = async (model: string, kind: string, manifest: unknown): Promise<string | undefined> => {
  const models = Schema.decodeUnknownSync(Model)(await import(model))
  try {
    new models[kind]!(manifest).validate()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : "unknown"
  }
}

/** Fields that the schemas do not know: these let them pass, and the types that are made of them do not. */
const unknownFields = (all: ReadonlyArray<Pick<(typeof manifests)[number], "parsed" | "kind" | "model">>): string => {
  mkdirSync(`${root}out`, { recursive: true })
  const directory = mkdtempSync(`${root}out/manifests-`)
  try {
    for (const [index, { kind, model, parsed }] of all.entries()) {
      writeFileSync(
        `${directory}/${index}.ts`,
        `import type { I${kind} } from "${model}"\nexport const manifest: I${kind} = ${JSON.stringify(parsed)}\n`
      )
    }
    writeFileSync(
      `${directory}/tsconfig.json`,
      JSON.stringify({ extends: `${root}tsconfig.json`, compilerOptions: { paths: {} }, include: ["*.ts"] })
    )
    const compiler = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", directory], {
      encoding: "utf8"
    })
    return compiler.stdout + compiler.stderr
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe("the manifests", () => {
  it("are valid by the schemas of Kubernetes, without a field that these do not know", async () => {
    for (const { file, kind, model, parsed } of manifests) {
      assert.isUndefined(await schemaProblem(model, kind, parsed), file)
    }
    assert.strictEqual(unknownFields(manifests), "")
  })

  it("would be told if they were not", async () => {
    const broken = (from: string, to: string) => {
      const { kind, model } = manifests.find(({ file }) => file === "base/deployment.yaml")!
      const source = text("kubernetes/base/deployment.yaml")
      assert.include(source, from)
      return { kind, model, parsed: Yaml.parse(source.replace(from, to)) }
    }
    const wrong = broken("periodSeconds: 30", "periodSeconds: often")
    assert.match(
      await schemaProblem(wrong.model, wrong.kind, wrong.parsed) ?? "",
      /livenessProbe\/periodSeconds must be integer/
    )
    assert.match(unknownFields([broken("readinessProbe", "readynessProbe")]), /readynessProbe/)
  })

  it("are one object a file", () => {
    assert.isAbove(manifests.length, 4)
    for (const { file } of manifests) {
      const { metadata } = manifest(file.replace(".yaml", ""), Named)
      assert.strictEqual(metadata.name, "voice-agent")
    }
  })

  it("agree with each other and with the worker", () => {
    const { spec } = manifest("base/deployment", Deployment)
    const pod = spec.template.spec
    const [container] = pod.containers
    assert.isUndefined(spec.replicas)
    assert.deepStrictEqual(spec.selector.matchLabels, spec.template.metadata.labels)
    assert.deepStrictEqual(pod.securityContext, { runAsNonRoot: true, runAsUser: 1000 })
    // The worker drains for an hour by default.
    assert.isAbove(pod.terminationGracePeriodSeconds, 3600)
    assert.deepStrictEqual(container.resources, {
      requests: { cpu: "1", memory: "2Gi" },
      limits: { cpu: "2", memory: "4Gi" }
    })
    const { livenessProbe: live, readinessProbe: ready, startupProbe: startup } = container
    assert.deepStrictEqual([startup.httpGet.path, startup.periodSeconds, startup.failureThreshold], ["/health", 5, 24])
    assert.deepStrictEqual([ready.httpGet.path, ready.periodSeconds], ["/ready", 10])
    assert.deepStrictEqual([live.httpGet.path, live.periodSeconds], ["/health", 30])
    // What hangs is not given the hour of those that drain.
    assert.strictEqual(live.terminationGracePeriodSeconds, 30)
    assert.deepStrictEqual(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true })
    assert.deepStrictEqual(container.volumeMounts, [{ mountPath: "/tmp" }])
    assert.deepInclude(container.env, { name: "METRICS_HOST", value: "0.0.0.0" })
    const service = manifest("base/service", Service).spec
    assert.deepStrictEqual(service.selector, spec.template.metadata.labels)
    for (const { port, targetPort } of service.ports) {
      assert.strictEqual(container.ports.find(({ name }) => name === targetPort)?.containerPort, port)
    }
    for (const name of ["base/hpa", "by-calls/hpa"]) {
      const scaler = manifest(name, Autoscaler).spec
      assert.deepStrictEqual(
        [scaler.scaleTargetRef.name, scaler.minReplicas, scaler.maxReplicas],
        ["voice-agent", 2, 10]
      )
    }
  })
})

describe("the kustomizations", () => {
  const read = (name: string) => manifest(`${name}/kustomization`, Kustomization)

  it("apply what is there, each once, and no Secret", () => {
    const base = files.filter((file) => file.startsWith("base/") && !file.endsWith("kustomization.yaml"))
    assert.deepStrictEqual([...read("base").resources].sort(), base.map((file) => file.slice(5)).sort())
    assert.deepStrictEqual(read("by-calls").resources, ["../base"])
    assert.deepStrictEqual(read("by-calls").patches, [{ path: "hpa.yaml" }])
    assert.strictEqual(
      new Set(base.map((file) =>
        Schema.decodeUnknownSync(Named)(
          Yaml.parse(text(`kubernetes/${file}`)),
          { onExcessProperty: "ignore" }
        ).kind
      )).size,
      base.length
    )
    assert.notInclude(manifests.map(({ kind }) => kind), "Secret")
    // Whoever applies the whole folder, or all below it, overwrites nothing.
    assert.deepStrictEqual(
      readdirSync(new URL("kubernetes/", folder)).sort(),
      ["base", "by-calls", "secret.env.example"]
    )
  })

  /** What applies a kustomization, where it is installed: by itself, or as a part of kubectl. */
  const kustomize = [["kustomize", "build"], ["kubectl", "kustomize"]].find(([program]) =>
    spawnSync(program!, ["version"]).error === undefined
  )
  const built = (path: string) => spawnSync(kustomize![0]!, [kustomize![1]!, path], { encoding: "utf8" })

  it.skipIf(kustomize === undefined)("run an image by its digest, where an overlay says so", () => {
    mkdirSync(`${root}out`, { recursive: true })
    const directory = mkdtempSync(`${root}out/overlay-`)
    const digest = `sha256:${"0123456789abcdef".repeat(4)}`
    try {
      writeFileSync(
        `${directory}/kustomization.yaml`,
        [
          "resources: [../../deploy/kubernetes/base]",
          "images:",
          `  - { name: voice-agent, newName: registry.example.com/voice-agent, digest: "${digest}" }`
        ].join("\n")
      )
      const { stderr, stdout } = built(directory)
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(stdout.match(/image: .*/g), [`image: registry.example.com/voice-agent@${digest}`])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.skipIf(kustomize === undefined)("are what kustomize makes one object of each kind of", () => {
    for (const name of ["base", "by-calls"]) {
      const { stderr, stdout } = built(fileURLToPath(new URL(`kubernetes/${name}`, folder)))
      assert.strictEqual(stderr, "")
      const objects = stdout.split(/^---$/m).map((one) =>
        Schema.decodeUnknownSync(Named)(Yaml.parse(one), { onExcessProperty: "ignore" }).kind
      )
      assert.deepStrictEqual(objects.sort(), [
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service"
      ])
      assert.strictEqual(stdout.includes("agent_sessions_active"), name === "by-calls")
    }
  })
})

const Rules = Schema.Struct({
  groups: Schema.NonEmptyArray(Schema.Struct({
    name: Schema.String,
    rules: Schema.NonEmptyArray(Schema.Struct({
      alert: Schema.String,
      expr: Schema.String,
      for: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d+[smhd]$/))),
      labels: Schema.Struct({ severity: Schema.Literals(["warning", "critical"]) }),
      annotations: Schema.Struct({ summary: Schema.String })
    }))
  }))
})

const parses = (expression: string): boolean => {
  let whole = true
  parser.parse(expression).iterate({
    enter: ({ type }) => {
      whole &&= !type.isError
    }
  })
  return whole
}

describe("the alert rules", () => {
  it("have the shape that Prometheus wants, and expressions that it can read", () => {
    const parsed = Yaml.parse(text("prometheus/alerts.yaml"))
    const { groups } = Schema.decodeUnknownSync(Rules)(parsed, { onExcessProperty: "error" })
    const rules = groups.flatMap(({ rules }) => rules)
    for (const { alert, expr } of rules) assert.isTrue(parses(expr), alert)
    assert.strictEqual(new Set(rules.map(({ alert }) => alert)).size, rules.length)
    assert.isFalse(parses("rate(agent_errors_total[5m)"))
  })
})

describe("the image", () => {
  const dockerfile = text("Dockerfile")

  it("runs as user 1000 below a reaper of processes, on glibc, and answers outside of the container", () => {
    assert.match(dockerfile, /^USER 1000$/m)
    assert.match(dockerfile, /^ENTRYPOINT \["tini", "--"\]$/m)
    assert.match(dockerfile, /^CMD \["node", "agent.js"\]$/m)
    assert.match(dockerfile, /^ENV .*METRICS_HOST=0\.0\.0\.0$/m)
    for (const [, base] of dockerfile.matchAll(/^FROM (\S+)/gm)) assert.strictEqual(base, "${NODE}")
    assert.notInclude(dockerfile, "alpine")
    assert.match(dockerfile, /--interval=30s --timeout=10s --start-period=60s --retries=3/)
  })

  it("takes neither secrets nor the packages of another machine from the folder", () => {
    const ignored = text("Dockerfile.dockerignore").split("\n")
    assert.includeMembers(ignored, ["**/node_modules", "**/.env*", ".git"])
  })

  it.live("has a health check that fails when it should", () =>
    Effect.gen(function*() {
      const check: unknown = JSON.parse(/^HEALTHCHECK [\s\S]*?CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]")
      const [, ...args] = Schema.decodeUnknownSync(Schema.Array(Schema.String))(check)
      let status = 200
      const server = createServer((request, response) =>
        response.writeHead(request.url === "/health" ? status : 404).end()
      )
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        }),
        () => Effect.sync(() => server.close())
      )
      const run = (to: number) =>
        Effect.promise(() =>
          promisify(execFile)(process.execPath, args, { env: { METRICS_PORT: String(to) } }).then(
            () => 0,
            (error: { readonly code?: number }) => error.code
          )
        )
      assert.strictEqual(yield* run(port), 0)
      status = 503
      assert.strictEqual(yield* run(port), 1)
      assert.strictEqual(yield* run(9), 1)
    }))
})
