package lua

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	glua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// FuzzScripts: whatever the text, compiling and running it ends without a panic and within its limits.
func FuzzScripts(f *testing.F) {
	for _, source := range hostile {
		f.Add(source)
	}
	fleetLua, err := os.ReadFile("testdata/bundle/example.io/v1/Fleet.lua")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(fleetLua))
	f.Add(`function InterpretHealth(o) for k, v in pairs(o) do print(k, v) end return o.spec.replicas > 1 end`)
	var obj map[string]any
	data, _ := yaml.YAMLToJSON([]byte(fleetYAML))
	if err := json.Unmarshal(data, &obj); err != nil {
		f.Fatal(err)
	}
	limits := Limits{Steps: 20_000, Bytes: 1 << 20}
	f.Fuzz(func(t *testing.T, source string) {
		s, err := Compile("fuzz.lua", source, limits)
		if err != nil {
			return
		}
		scripts := Scripts{}
		for i, operation := range Operations {
			if s.defines(functionNames[i]) {
				scripts[operation] = []*Script{s.Observe(func(_ string, used Usage) {
					if used.Steps > limits.Steps || used.Bytes > limits.Bytes {
						t.Errorf("used %+v", used)
					}
				})}
			}
		}
		h := scripts.Hooks()
		if h.Health != nil {
			_, _ = h.Health(&unstructured.Unstructured{Object: obj})
		}
		if h.Status != nil {
			_, _ = h.Status(&unstructured.Unstructured{Object: obj})
		}
		if h.Retain != nil {
			_, _ = h.Retain(&unstructured.Unstructured{Object: obj}, &unstructured.Unstructured{Object: obj})
		}
	})
}

// BenchmarkInterpretHealth asks whether a Deployment is healthy, as the rule for Deployments does.
func BenchmarkInterpretHealth(b *testing.B) {
	h := hooks(b, `
		function InterpretHealth(obj)
			if obj.status.observedGeneration ~= obj.metadata.generation then return false end
			if obj.spec.replicas ~= nil and obj.status.updatedReplicas < obj.spec.replicas then return false end
			for i, c in ipairs(obj.status.conditions) do
				if c.type == "Progressing" and c.status ~= "True" then return false end
			end
			return obj.status.availableReplicas >= obj.status.updatedReplicas
		end`)
	obj := object(b, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, generation: 4, labels: {app: web}, annotations: {a: b}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "nginx:1", ports: [{containerPort: 80}], resources: {requests: {cpu: 100m, memory: 64Mi}}}
status:
  observedGeneration: 4
  replicas: 3
  updatedReplicas: 3
  readyReplicas: 3
  availableReplicas: 3
  conditions:
  - {type: Available, status: "True", reason: MinimumReplicasAvailable}
  - {type: Progressing, status: "True", reason: NewReplicaSetAvailable}
`)
	b.ReportAllocs()
	for b.Loop() {
		if health, err := h.Health(obj); err != nil || health != workv1alpha2.ResourceHealthy {
			b.Fatal(health, err)
		}
	}
}

// BenchmarkSteps is what the meter costs: a loop that adds, in the machine as it comes and in ours.
func BenchmarkSteps(b *testing.B) {
	const loop = "local n = 0 for i = 1, 100000 do n = n + i end"
	b.Run("metered", func(b *testing.B) {
		s, err := Compile("test.lua", "function main() "+loop+" end", DefaultLimits)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := s.call("main", 0, nil, func(reader, []glua.LValue) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unmetered", func(b *testing.B) {
		state := glua.NewState()
		defer state.Close()
		for b.Loop() {
			if err := state.DoString(loop); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCompile compiles the worst a script of the longest length may hold.
func BenchmarkCompile(b *testing.B) {
	var constants, labels strings.Builder
	for i := 0; constants.Len() < maxSource-20; i++ {
		fmt.Fprintf(&constants, "x=%x ", i+0x100000)
	}
	for i := 0; labels.Len() < maxSource-40; i++ {
		fmt.Fprintf(&labels, "goto a%d ::a%d:: ", i, i)
	}
	for name, source := range map[string]string{
		"constants": strings.ReplaceAll(constants.String(), "=", "=0x"),
		"labels":    labels.String(),
		"functions": strings.Repeat("f=function()end ", maxSource/20),
		"calls":     strings.Repeat("x(", 100) + strings.Repeat(")", 100),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Compile("test.lua", source[:min(len(source), maxSource)], DefaultLimits)
			}
		})
	}
}
