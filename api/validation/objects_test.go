package validation

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// object reads YAML.
func object[T any](t testing.TB, text string) *T {
	t.Helper()
	obj := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), obj); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return obj
}

// cases are YAML objects and what is wrong with them.
type cases map[string]struct {
	text string
	want []string
}

func runCases[T any](t *testing.T, c cases, inspect func(*T) field.ErrorList) {
	t.Helper()
	for name, tt := range c {
		t.Run(name, func(t *testing.T) { wantFaults(t, inspect(object[T](t, tt.text)), tt.want...) })
	}
}

func TestValidateFederatedResourceQuota(t *testing.T) {
	const share = "spec.staticAssignments[0].hard"
	runCases(t, cases{
		"bounds and shares": {`{spec: {overall: {cpu: 10, requests.memory: 8Gi, count/deployments.apps: 4, nvidia.com/gpu: 2, requests.hugepages-2Mi: 1Gi},
			staticAssignments: [{clusterName: m1, hard: {cpu: 4}}, {clusterName: m2, hard: {cpu: 6}}]}}`, nil},
		"shares above the whole":           {`{spec: {overall: {cpu: 10}, staticAssignments: [{clusterName: m1, hard: {cpu: 4}}, {clusterName: m2, hard: {cpu: 6001m}}]}}`, []string{"Invalid spec.overall[cpu]"}},
		"a share of what is not bounded":   {`{spec: {overall: {cpu: 10}, staticAssignments: [{clusterName: m1, hard: {memory: 4}}]}}`, []string{"Invalid " + share + "[memory]"}},
		"a cluster twice":                  {`{spec: {overall: {cpu: 10}, staticAssignments: [{clusterName: m1, hard: {cpu: 4}}, {clusterName: m1, hard: {cpu: 6}}]}}`, []string{"Duplicate spec.staticAssignments[1].clusterName"}},
		"a cluster whose name can not be":  {`{spec: {overall: {cpu: 10}, staticAssignments: [{clusterName: M_1, hard: {cpu: 4}}]}}`, []string{"Invalid spec.staticAssignments[0].clusterName"}},
		"a resource nobody knows":          {`{spec: {overall: {coffee: 10}}}`, []string{"Invalid spec.overall[coffee]"}},
		"a resource that is no name":       {`{spec: {overall: {"a b/c": 10}}}`, []string{"Invalid spec.overall[a b/c]"}},
		"less than nothing":                {`{spec: {overall: {cpu: -1}}}`, []string{"Invalid spec.overall[cpu]", "Invalid spec.overall[cpu]"}},
		"half a pod":                       {`{spec: {overall: {pods: 500m}}}`, []string{"Invalid spec.overall[pods]"}},
		"a name too long for a label":      {`{metadata: {name: ` + long(64) + `}, spec: {overall: {}}}`, []string{"TooLong metadata.name"}},
		"a name as long as a label may be": {`{metadata: {name: ` + long(63) + `}, spec: {overall: {}}}`, nil},
	}, ValidateFederatedResourceQuota)
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}

func TestValidateClusterTaintPolicy(t *testing.T) {
	const taints = `taints: [{key: not-ready, effect: NoSchedule}]`
	runCases(t, cases{
		"taints by conditions":       {`{spec: {addOnConditions: [{conditionType: Ready, operator: NotIn, statusValues: ["True"]}], removeOnConditions: [{conditionType: Ready, operator: In, statusValues: ["True"]}], taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoExecute, value: b}]}}`, nil},
		"a taint twice":              {`{spec: {taints: [{key: a, effect: NoSchedule, value: x}, {key: a, effect: NoSchedule}]}}`, []string{"Duplicate spec.taints[1]"}},
		"an effect nobody knows":     {`{spec: {taints: [{key: a, effect: Always}]}}`, []string{"NotSupported spec.taints[0].effect"}},
		"a key that is none":         {`{spec: {taints: [{key: "a b", effect: NoSchedule}]}}`, []string{"Invalid spec.taints[0].key"}},
		"an operator nobody knows":   {`{spec: {addOnConditions: [{conditionType: Ready, operator: Is, statusValues: ["True"]}], ` + taints + `}}`, []string{"NotSupported spec.addOnConditions[0].operator"}},
		"a condition without values": {`{spec: {removeOnConditions: [{conditionType: "", operator: In, statusValues: []}], ` + taints + `}}`, []string{"Required spec.removeOnConditions[0].conditionType", "Required spec.removeOnConditions[0].statusValues"}},
		"a status that is none":      {`{spec: {addOnConditions: [{conditionType: Ready, operator: In, statusValues: ["Yes"]}], ` + taints + `}}`, []string{"NotSupported spec.addOnConditions[0].statusValues[0]"}},
		"clusters by a bad field":    {`{spec: {targetClusters: {fieldSelector: {matchExpressions: [{key: rack, operator: In, values: [a]}]}}, ` + taints + `}}`, []string{"NotSupported spec.targetClusters.fieldSelector.matchExpressions[0].key"}},
	}, func(p *policyv1alpha1.ClusterTaintPolicy) field.ErrorList { return ValidateClusterTaintPolicy(p, true) })
	runCases(t, cases{
		"taints that keep new ones out": {`{spec: {taints: [{key: a, effect: NoSchedule}, {key: b, effect: PreferNoSchedule}]}}`, nil},
		"a taint that evicts":           {`{spec: {taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoExecute}]}}`, []string{"Forbidden spec.taints[1].effect"}},
	}, func(p *policyv1alpha1.ClusterTaintPolicy) field.ErrorList {
		return ValidateClusterTaintPolicy(p, false)
	})
}

func TestValidateMultiClusterService(t *testing.T) {
	const head = `metadata: {name: web, labels: {multiclusterservice.karmada.io/permanent-id: i}}`
	runCases(t, cases{
		"all that can be set": {`{` + head + `, spec: {types: [CrossCluster], ports: [{name: http, port: 80}, {port: 443}], providerClusters: [{name: m1}], consumerClusters: [{name: m2}], range: {clusterNames: [m3]}}}`, nil},
		"no type":             {`{` + head + `, spec: {types: []}}`, []string{"Invalid spec.types"}},
		"two types":           {`{` + head + `, spec: {types: [CrossCluster, LoadBalancer]}}`, []string{"Invalid spec.types"}},
		"a type nobody knows": {`{` + head + `, spec: {types: [Carrier]}}`, []string{"NotSupported spec.types[0]"}},
		"ports twice":         {`{` + head + `, spec: {types: [CrossCluster], ports: [{name: a, port: 80}, {name: a, port: 80}]}}`, []string{"Duplicate spec.ports[1].name", "Duplicate spec.ports[1].port"}},
		"ports that are none": {`{` + head + `, spec: {types: [CrossCluster], ports: [{name: A, port: 0}, {port: 70000}]}}`, []string{"Invalid spec.ports[0].name", "Invalid spec.ports[0].port", "Invalid spec.ports[1].port"}},
		"clusters that can not be": {`{` + head + `, spec: {types: [CrossCluster], providerClusters: [{name: A}], consumerClusters: [{name: ""}], range: {clusterNames: [B]}, serviceProvisionClusters: [C], serviceConsumptionClusters: [D]}}`,
			[]string{"Invalid spec.providerClusters[0].name", "Invalid spec.consumerClusters[0].name", "Invalid spec.range.clusterNames[0]", "Invalid spec.serviceProvisionClusters[0]", "Invalid spec.serviceConsumptionClusters[0]"}},
		"a name no Service has": {`{metadata: {name: 1web, labels: {multiclusterservice.karmada.io/permanent-id: i}}, spec: {types: [CrossCluster]}}`, []string{"Invalid metadata.name"}},
		"no permanent id":       {`{metadata: {name: web}, spec: {types: [CrossCluster]}}`, []string{"Required metadata.labels[multiclusterservice.karmada.io/permanent-id]"}},
	}, func(s *networkingv1alpha1.MultiClusterService) field.ErrorList {
		return ValidateMultiClusterService(s, nil)
	})
}

func TestValidateMultiClusterIngress(t *testing.T) {
	path := func(rest string) string { return `{spec: {rules: [{http: {paths: [{` + rest + `}]}}]}}` }
	const backend = `backend: {service: {name: web, port: {number: 80}}}`
	const at = "spec.rules[0].http.paths[0]"
	runCases(t, cases{
		"rules":                     {`{spec: {ingressClassName: nginx, tls: [{hosts: [shop.example.com, "*.example.com"]}], rules: [{host: "*.example.com", http: {paths: [{path: /a, pathType: Prefix, ` + backend + `}]}}]}}`, nil},
		"a backend for everything":  {`{spec: {defaultBackend: {resource: {kind: Bucket, name: b}}}}`, nil},
		"nothing at all":            {`{spec: {}}`, []string{"Required spec"}},
		"no path":                   {`{spec: {rules: [{http: {paths: []}}]}}`, []string{"Required spec.rules[0].http.paths"}},
		"an address as host":        {`{spec: {rules: [{host: 192.0.2.1}], tls: [{hosts: [Shop]}]}}`, []string{"Invalid spec.rules[0].host", "Invalid spec.tls[0].hosts[0]"}},
		"a wildcard inside":         {`{spec: {rules: [{host: "a.*.example.com"}]}}`, []string{"Invalid spec.rules[0].host"}},
		"a class that is no name":   {`{spec: {ingressClassName: A, rules: [{}]}}`, []string{"Invalid spec.ingressClassName"}},
		"no type of path":           {path(`path: /, ` + backend), []string{"Required " + at + ".pathType"}},
		"a type nobody knows":       {path(`path: /, pathType: Regex, ` + backend), []string{"NotSupported " + at + ".pathType"}},
		"a path from nowhere":       {path(`path: a, pathType: Exact, ` + backend), []string{"Invalid " + at + ".path"}},
		"an unclear path":           {path(`path: /a//b/.., pathType: Prefix, ` + backend), []string{"Invalid " + at + ".path", "Invalid " + at + ".path"}},
		"a path of its own kind":    {path(`path: /a//b, pathType: ImplementationSpecific, ` + backend), nil},
		"no path of its own kind":   {path(`pathType: ImplementationSpecific, ` + backend), nil},
		"no backend":                {path(`path: /, pathType: Exact, backend: {}`), []string{"Required " + at + ".backend.service"}},
		"two backends":              {path(`path: /, pathType: Exact, backend: {service: {name: a, port: {number: 1}}, resource: {kind: K, name: b}}`), []string{"Forbidden " + at + ".backend.resource"}},
		"a service by a bad name":   {path(`path: /, pathType: Exact, backend: {service: {name: 1a, port: {name: "8080"}}}`), []string{"Invalid " + at + ".backend.service.name", "Invalid " + at + ".backend.service.port.name"}},
		"a service without a port":  {path(`path: /, pathType: Exact, backend: {service: {name: a}}`), []string{"Invalid " + at + ".backend.service.port.number"}},
		"a service with two":        {path(`path: /, pathType: Exact, backend: {service: {name: a, port: {number: 1, name: a}}}`), []string{"Forbidden " + at + ".backend.service.port.name"}},
		"a resource without a name": {path(`path: /, pathType: Exact, backend: {resource: {kind: "", name: ""}}`), []string{"Required " + at + ".backend.resource.kind", "Required " + at + ".backend.resource.name"}},
	}, ValidateMultiClusterIngress)
}

func TestValidateFederatedHPA(t *testing.T) {
	hpa := func(rest string) string {
		return `{spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 5` + rest + `}}`
	}
	metric := func(rest string) string { return hpa(`, metrics: [{` + rest + `}]`) }
	up := func(rest string) string {
		return hpa(`, behavior: {scaleUp: {` + rest + `}, scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}`)
	}
	const at = "spec.metrics[0]."
	runCases(t, cases{
		"a plain one":                {hpa(""), nil},
		"no target":                  {`{spec: {scaleTargetRef: {kind: "", name: ""}, maxReplicas: 5}}`, []string{"Required spec.scaleTargetRef.kind", "Required spec.scaleTargetRef.name"}},
		"bounds the wrong way round": {`{spec: {scaleTargetRef: {kind: a, name: b}, minReplicas: 3, maxReplicas: 2}}`, []string{"Invalid spec.maxReplicas"}},
		"less than nothing":          {`{spec: {scaleTargetRef: {kind: a, name: b}, minReplicas: 0, maxReplicas: 0}}`, []string{"Invalid spec.maxReplicas", "Invalid spec.minReplicas"}},
		"every metric": {hpa(`, metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 100m}}},
			{type: ContainerResource, containerResource: {name: cpu, container: a, target: {type: Utilization, averageUtilization: 50}}},
			{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 1k}}},
			{type: Object, object: {describedObject: {kind: Ingress, name: i}, metric: {name: rps}, target: {type: Value, value: 2k}}},
			{type: External, external: {metric: {name: rps}, target: {type: Value, value: 2k}}}]`), nil},
		"a metric nobody knows":        {metric(`type: Mood`), []string{"NotSupported " + at + "type"}},
		"a metric without its source":  {metric(`type: Pods`), []string{"Required " + at + "pods"}},
		"a metric with another source": {metric(`type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 1}}, pods: {metric: {name: a}, target: {type: AverageValue, averageValue: 1}}`), []string{"Forbidden " + at + "pods"}},
		"nothing to reach":             {metric(`type: Resource, resource: {name: "", target: {type: Utilization, averageUtilization: 0}}`), []string{"Required " + at + "resource.name", "Invalid " + at + "resource.target.averageUtilization"}},
		"a target of the wrong type":   {metric(`type: Pods, pods: {metric: {name: a}, target: {type: Utilization, averageUtilization: 1}}`), []string{"NotSupported " + at + "pods.target.type"}},
		"a target without its value":   {metric(`type: Object, object: {describedObject: {kind: a, name: b}, metric: {name: ""}, target: {type: Value, averageValue: 1}}`), []string{"Required " + at + "object.metric.name", "Required " + at + "object.target.value"}},
		"a target below nothing":       {metric(`type: External, external: {metric: {name: a}, target: {type: AverageValue, averageValue: -1}}`), []string{"Invalid " + at + "external.target.averageValue"}},
		"no container":                 {metric(`type: ContainerResource, containerResource: {name: cpu, container: "", target: {type: Utilization, averageUtilization: 1}}`), []string{"Required " + at + "containerResource.container"}},
		"a behaviour":                  {up(`stabilizationWindowSeconds: 3600, selectPolicy: Min, policies: [{type: Percent, value: 10, periodSeconds: 1800}], tolerance: 10m`), nil},
		"a behaviour out of its bounds": {up(`stabilizationWindowSeconds: 3601, selectPolicy: Any, tolerance: -1, policies: [{type: Half, value: 0, periodSeconds: 1801}]`), []string{
			"Invalid spec.behavior.scaleUp.stabilizationWindowSeconds", "NotSupported spec.behavior.scaleUp.selectPolicy", "Invalid spec.behavior.scaleUp.tolerance",
			"NotSupported spec.behavior.scaleUp.policies[0].type", "Invalid spec.behavior.scaleUp.policies[0].value", "Invalid spec.behavior.scaleUp.policies[0].periodSeconds"}},
		"a behaviour without policies": {up(``), []string{"Required spec.behavior.scaleUp.policies"}},
	}, ValidateFederatedHPA)
}

func TestDefaultFederatedHPA(t *testing.T) {
	for name, text := range map[string]string{
		"nothing but bounds": `{spec: {scaleTargetRef: {kind: a, name: b}, maxReplicas: 5}}`,
		"half a behaviour":   `{spec: {scaleTargetRef: {kind: a, name: b}, maxReplicas: 5, behavior: {scaleDown: {selectPolicy: Disabled}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := object[autoscalingv1alpha1.FederatedHPA](t, text)
			DefaultFederatedHPA(h)
			wantFaults(t, ValidateFederatedHPA(h))
			if *h.Spec.MinReplicas != 1 || *h.Spec.Metrics[0].Resource.Target.AverageUtilization != 80 {
				t.Errorf("spec %+v", h.Spec)
			}
			if b := h.Spec.Behavior; b != nil && (*b.ScaleUp.SelectPolicy != "Max" || *b.ScaleDown.SelectPolicy != "Disabled" || len(b.ScaleUp.Policies) != 2) {
				t.Errorf("behaviour %+v", b)
			}
		})
	}
}

func TestValidateCronFederatedHPA(t *testing.T) {
	const deployment = `scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}`
	const autoscaler = `scaleTargetRef: {apiVersion: autoscaling.karmada.io/v1alpha1, kind: FederatedHPA, name: web}`
	cron := func(target, rules string) string { return `{spec: {` + target + `, rules: [` + rules + `]}}` }
	const at = "spec.rules[0]."
	runCases(t, cases{
		"replicas by the clock":      {cron(deployment, `{name: a, schedule: "0 8 * * MON-FRI", timeZone: Europe/Berlin, targetReplicas: 5}, {name: b, schedule: "@daily", targetReplicas: 0}`), nil},
		"bounds by the clock":        {cron(autoscaler, `{name: a, schedule: "*/5 0-6,22 1 jan ?", targetMinReplicas: 2, targetMaxReplicas: 2}`), nil},
		"names twice":                {cron(deployment, `{name: a, schedule: "@daily", targetReplicas: 1}, {name: a, schedule: "@daily", targetReplicas: 1}`), []string{"Duplicate spec.rules[1].name"}},
		"a schedule that is none":    {cron(deployment, `{name: a, schedule: "now", targetReplicas: 1}`), []string{"Invalid " + at + "schedule"}},
		"a zone nobody lives in":     {cron(deployment, `{name: a, schedule: "@daily", timeZone: Mars/Base, targetReplicas: 1}`), []string{"Invalid " + at + "timeZone"}},
		"no replicas":                {cron(deployment, `{name: a, schedule: "@daily", targetMinReplicas: 1}`), []string{"Required " + at + "targetReplicas"}},
		"less than nothing":          {cron(deployment, `{name: a, schedule: "@daily", targetReplicas: -1}`), []string{"Invalid " + at + "targetReplicas"}},
		"no bounds":                  {cron(autoscaler, `{name: a, schedule: "@daily", targetReplicas: 1}`), []string{"Required " + at + "targetMinReplicas"}},
		"bounds the wrong way round": {cron(autoscaler, `{name: a, schedule: "@daily", targetMinReplicas: 2, targetMaxReplicas: 1}`), []string{"Invalid " + at + "targetMaxReplicas"}},
		"bounds below one":           {cron(autoscaler, `{name: a, schedule: "@daily", targetMinReplicas: 0, targetMaxReplicas: 0}`), []string{"Invalid " + at + "targetMinReplicas", "Invalid " + at + "targetMaxReplicas"}},
	}, ValidateCronFederatedHPA)
}

func TestCheckCron(t *testing.T) {
	for _, line := range []string{"* * * * *", "0 0 1 1 0", "59 23 31 12 7", "*/15 0-23/2 1,15 JAN-dec sun,Sat", "? ? ? ? ?", "@hourly", "5/10 * * * *"} {
		if err := checkCron(line); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	for _, line := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "1- * * * *", "a * * * *", "1,, * * * *", "-1 * * * *", "@soon", "* * * JANUARY *", "*/-1 * * * *"} {
		if checkCron(line) == nil {
			t.Errorf("%q passes", line)
		}
	}
}

// Ten thousand rules are checked in the time they take to read, not in its square.
func TestAnOverridePolicyWithManyRules(t *testing.T) {
	p := &policyv1alpha1.OverridePolicy{}
	for range 10_000 {
		p.Spec.OverrideRules = append(p.Spec.OverrideRules, policyv1alpha1.RuleWithCluster{
			TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}},
			Overriders:    policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: "/spec/replicas", Operator: "replace"}}},
		})
	}
	if got := len(ValidateOverride(p)); got != 10_000 {
		t.Errorf("%d faults", got)
	}
}
