import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { promisify } from "node:util"

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
  initialDelaySeconds: Schema.Int,
  periodSeconds: Schema.Int
})

const Deployment = Schema.Struct({
  spec: Schema.Struct({
    replicas: Schema.Int,
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

describe("the manifests", () => {
  it("are one object a file", () => {
    const files = readdirSync(new URL("kubernetes/", folder))
    assert.isAbove(files.length, 4)
    for (const file of files) {
      const { metadata } = manifest(file.replace(".yaml", ""), Named)
      assert.strictEqual(metadata.name, "voice-agent")
    }
  })

  it("agree with each other and with the worker", () => {
    const { spec } = manifest("deployment", Deployment)
    const pod = spec.template.spec
    const [container] = pod.containers
    assert.strictEqual(spec.replicas, 3)
    assert.deepStrictEqual(spec.selector.matchLabels, spec.template.metadata.labels)
    assert.deepStrictEqual(pod.securityContext, { runAsNonRoot: true, runAsUser: 1000 })
    // The worker drains for an hour by default.
    assert.isAbove(pod.terminationGracePeriodSeconds, 3600)
    assert.deepStrictEqual(container.resources, {
      requests: { cpu: "1", memory: "2Gi" },
      limits: { cpu: "2", memory: "4Gi" }
    })
    const { livenessProbe: live, readinessProbe: ready } = container
    assert.deepStrictEqual([live.httpGet.path, live.initialDelaySeconds, live.periodSeconds], ["/health", 60, 30])
    assert.deepStrictEqual([ready.httpGet.path, ready.initialDelaySeconds, ready.periodSeconds], ["/ready", 30, 10])
    const service = manifest("service", Service).spec
    assert.deepStrictEqual(service.selector, spec.template.metadata.labels)
    for (const { port, targetPort } of service.ports) {
      assert.strictEqual(container.ports.find(({ name }) => name === targetPort)?.containerPort, port)
    }
    for (const name of ["hpa", "hpa-sessions"]) {
      const scaler = manifest(name, Autoscaler).spec
      assert.deepStrictEqual(
        [scaler.scaleTargetRef.name, scaler.minReplicas, scaler.maxReplicas],
        ["voice-agent", 2, 10]
      )
    }
  })
})

describe("the image", () => {
  const dockerfile = text("Dockerfile")

  it("runs as user 1000 with the program as process 1, on glibc", () => {
    assert.match(dockerfile, /^USER 1000$/m)
    assert.match(dockerfile, /^CMD \["node", "agent.js"\]$/m)
    assert.notInclude(dockerfile, "alpine")
    assert.match(dockerfile, /--interval=30s --timeout=10s --start-period=60s --retries=3/)
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
