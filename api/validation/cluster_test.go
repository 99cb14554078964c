package validation

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

func requirement(key string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{"x"}}
}

func cpuModel(grade uint, min, max int64) clusterv1alpha1.ResourceModel {
	return clusterv1alpha1.ResourceModel{Grade: grade, Ranges: []clusterv1alpha1.ResourceModelRange{{
		Name: corev1.ResourceCPU, Min: *resource.NewQuantity(min, resource.DecimalSI), Max: *resource.NewQuantity(max, resource.DecimalSI)}}}
}

func TestDefaultCluster(t *testing.T) {
	type spec = clusterv1alpha1.ClusterSpec
	now := metav1.NewTime(time.Unix(1000, 0))
	before := metav1.NewTime(time.Unix(500, 0))
	tests := map[string]struct {
		in, want spec
		creating bool
	}{
		"a taint that evicts gets the time": {
			in: spec{Taints: []corev1.Taint{{Key: "a", Effect: "NoExecute"}, {Key: "b", Effect: "NoSchedule"}, {Key: "c", Effect: "NoExecute", TimeAdded: &before}}},
			want: spec{Taints: []corev1.Taint{{Key: "a", Effect: "NoExecute", TimeAdded: &now}, {Key: "b", Effect: "NoSchedule"},
				{Key: "c", Effect: "NoExecute", TimeAdded: &before}}},
		},
		"the zone moves into zones": {
			in:   spec{Zone: "z1"},
			want: spec{Zones: []string{"z1"}},
		},
		"a zone beside zones stays for validation": {
			in:   spec{Zone: "z1", Zones: []string{"z2"}},
			want: spec{Zone: "z1", Zones: []string{"z2"}},
		},
		"a new cluster gets the default models": {
			creating: true,
			want:     spec{ResourceModels: DefaultResourceModels()},
		},
		"an old cluster without models keeps none": {},
		"models are sorted and closed": {
			in:   spec{ResourceModels: []clusterv1alpha1.ResourceModel{cpuModel(2, 4, 8), cpuModel(1, 1, 4)}},
			want: spec{ResourceModels: []clusterv1alpha1.ResourceModel{cpuModel(1, 0, 4), cpuModel(2, 4, math.MaxInt64)}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &clusterv1alpha1.Cluster{Spec: tt.in}
			DefaultCluster(c, tt.creating, now)
			if diff := cmp.Diff(tt.want, c.Spec); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultResourceModels(t *testing.T) {
	models := DefaultResourceModels()
	if len(models) != 9 {
		t.Fatalf("%d grades, want 9", len(models))
	}
	for grade, want := range map[int]string{0: "0-1 0-4Gi", 1: "1-2 4Gi-16Gi", 4: "8-16 64Gi-128Gi", 7: "64-128 512Gi-1Ti"} {
		cpu, memory := models[grade].Ranges[0], models[grade].Ranges[1]
		got := cpu.Min.String() + "-" + cpu.Max.String() + " " + memory.Min.String() + "-" + memory.Max.String()
		if got != want {
			t.Errorf("grade %d is %s, want %s", grade, got, want)
		}
	}
	c := validCluster()
	c.Spec.ResourceModels = models
	wantFaults(t, ValidateCluster(c))
}

// TestClosedModelsAreValid: defaulting mends what it can of a ladder in any order.
func TestClosedModelsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.SliceOfNDistinct(rapid.Int64Range(1, 1000), 1, 6, rapid.ID).Draw(t, "bounds")
		var models []clusterv1alpha1.ResourceModel
		var sum int64
		for i, step := range bounds {
			models = append(models, cpuModel(uint(i), sum, sum+step))
			sum += step
		}
		c := validCluster()
		c.Spec.ResourceModels = rapid.Permutation(models).Draw(t, "models")
		DefaultCluster(c, true, metav1.Time{})
		if errs := ValidateCluster(c); len(errs) > 0 {
			t.Fatal(errs.ToAggregate())
		}
	})
}

func validCluster() *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}, Spec: clusterv1alpha1.ClusterSpec{SyncMode: "Push"}}
}

func TestValidateCluster(t *testing.T) {
	type cluster = clusterv1alpha1.Cluster
	taints := func(taints ...corev1.Taint) func(*cluster) { return func(c *cluster) { c.Spec.Taints = taints } }
	models := func(m ...clusterv1alpha1.ResourceModel) func(*cluster) {
		return func(c *cluster) { c.Spec.ResourceModels = m }
	}
	renamed := cpuModel(1, 4, math.MaxInt64)
	renamed.Ranges[0].Name = corev1.ResourceMemory
	wider := cpuModel(1, 4, math.MaxInt64)
	wider.Ranges = append(wider.Ranges, cpuModel(0, 0, math.MaxInt64).Ranges...)
	const model = "spec.resourceModels"
	tests := map[string]struct {
		change func(*cluster)
		want   []string
	}{
		"a plain cluster":                 {func(*cluster) {}, nil},
		"the longest name":                {func(c *cluster) { c.Name = strings.Repeat("a", 48) }, nil},
		"a name too long":                 {func(c *cluster) { c.Name = strings.Repeat("a", 49) }, []string{"TooLong metadata.name"}},
		"a name with a dot":               {func(c *cluster) { c.Name = "a.b" }, []string{"Invalid metadata.name"}},
		"no name":                         {func(c *cluster) { c.Name = "" }, []string{"Invalid metadata.name"}},
		"no sync mode":                    {func(c *cluster) { c.Spec.SyncMode = "" }, []string{"Required spec.syncMode"}},
		"a sync mode that is none":        {func(c *cluster) { c.Spec.SyncMode = "Both" }, []string{"NotSupported spec.syncMode"}},
		"an endpoint":                     {func(c *cluster) { c.Spec.APIEndpoint = "https://10.0.0.1:6443/base" }, nil},
		"an endpoint without a host":      {func(c *cluster) { c.Spec.APIEndpoint = "member1" }, []string{"Invalid spec.apiEndpoint"}},
		"an endpoint that does not parse": {func(c *cluster) { c.Spec.APIEndpoint = "https://[::1" }, []string{"Invalid spec.apiEndpoint"}},
		"an endpoint with a user":         {func(c *cluster) { c.Spec.APIEndpoint = "https://u:p@10.0.0.1" }, []string{"Invalid spec.apiEndpoint"}},
		"an endpoint with a query":        {func(c *cluster) { c.Spec.APIEndpoint = "https://10.0.0.1/?a=b" }, []string{"Invalid spec.apiEndpoint"}},
		"an endpoint with a fragment":     {func(c *cluster) { c.Spec.APIEndpoint = "https://10.0.0.1/#a" }, []string{"Invalid spec.apiEndpoint"}},
		"empty secret references": {func(c *cluster) {
			c.Spec.SecretRef = &clusterv1alpha1.LocalSecretReference{Name: "a"}
			c.Spec.ImpersonatorSecretRef = &clusterv1alpha1.LocalSecretReference{Namespace: "a"}
		}, []string{"Required spec.secretRef.namespace", "Required spec.impersonatorSecretRef.name"}},
		"a proxy":                      {func(c *cluster) { c.Spec.ProxyURL = "socks5://proxy:1080" }, nil},
		"a proxy of another kind":      {func(c *cluster) { c.Spec.ProxyURL = "ftp://proxy" }, []string{"Invalid spec.proxyURL"}},
		"a proxy that does not parse":  {func(c *cluster) { c.Spec.ProxyURL = "https://u:secret@[::1" }, []string{"Invalid spec.proxyURL"}},
		"bad places":                   {func(c *cluster) { c.Spec.Provider, c.Spec.Region, c.Spec.Zone = "a b", "c d", "e f" }, []string{"Invalid spec.provider", "Invalid spec.region", "Invalid spec.zone"}},
		"a bad zone among zones":       {func(c *cluster) { c.Spec.Zones = []string{"a", "b c"} }, []string{"Invalid spec.zones[1]"}},
		"zone and zones":               {func(c *cluster) { c.Spec.Zone, c.Spec.Zones = "a", []string{"a"} }, []string{"Forbidden spec.zone"}},
		"taints of one key":            {taints(corev1.Taint{Key: "a", Effect: "NoSchedule"}, corev1.Taint{Key: "a", Effect: "NoExecute"}), nil},
		"the same taint twice":         {taints(corev1.Taint{Key: "a", Effect: "NoSchedule"}, corev1.Taint{Key: "a", Value: "b", Effect: "NoSchedule"}), []string{"Duplicate spec.taints[1]"}},
		"a taint that is none":         {taints(corev1.Taint{Key: "a b", Value: "c d", Effect: "Never"}), []string{"Invalid spec.taints[0].key", "Invalid spec.taints[0].value", "NotSupported spec.taints[0].effect"}},
		"models in a row":              {models(cpuModel(0, 0, 4), cpuModel(1, 4, math.MaxInt64)), nil},
		"one model of all":             {models(cpuModel(0, 0, math.MaxInt64)), nil},
		"models of one grade":          {models(cpuModel(1, 0, 4), cpuModel(1, 4, math.MaxInt64)), []string{"Duplicate " + model + "[1].grade"}},
		"models with a gap":            {models(cpuModel(0, 0, 4), cpuModel(1, 5, math.MaxInt64)), []string{"Invalid " + model + "[1].ranges[0].min"}},
		"models of other resources":    {models(cpuModel(0, 0, 4), renamed), []string{"Invalid " + model + "[1].ranges[0].name"}},
		"models of more resources":     {models(cpuModel(0, 0, 4), wider), []string{"Invalid " + model + "[1].ranges"}},
		"models that begin above zero": {models(cpuModel(0, 1, 4), cpuModel(1, 4, math.MaxInt64)), []string{"Invalid " + model + "[0].ranges[0].min"}},
		"models that end":              {models(cpuModel(0, 0, 4), cpuModel(1, 4, 8)), []string{"Invalid " + model + "[1].ranges[0].max"}},
		"a model of nothing":           {models(cpuModel(0, 0, 0), cpuModel(1, 0, math.MaxInt64)), []string{"Invalid " + model + "[0].ranges[0].max"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := validCluster()
			tt.change(c)
			wantFaults(t, ValidateCluster(c), tt.want...)
		})
	}
}

// TestFaultsKeepSecrets: a password in a URL is not repeated to who reads the error.
func TestFaultsKeepSecrets(t *testing.T) {
	for _, u := range []string{"https://u:hunter2@h/?token=hunter2", "ftp://u:hunter2@h", "https://u:hunter2@[::1", "https://u:hunter2@/"} {
		c := validCluster()
		c.Spec.APIEndpoint, c.Spec.ProxyURL = u, u
		text := ValidateCluster(c).ToAggregate().Error()
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s", u, text)
		}
	}
}
