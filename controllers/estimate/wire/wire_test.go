package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// The numbers and types are what Karmada v1.19 sends: they never change.
func TestFieldsAreKarmadas(t *testing.T) {
	want := strings.Split(strings.TrimSpace(`
AssumedWorkload: 1 namespace string, 2 components message*
Component: 1 name string, 2 replicaRequirements message, 3 replicas int32
ComponentReplicaRequirements: 1 nodeClaim message, 3 priorityClassName string, 4 resourceRequestBytes message*
MaxAvailableComponentSetsRequest: 1 cluster string, 2 components message*, 3 namespace string, 4 assumedWorkloads message*
MaxAvailableComponentSetsResponse: 1 maxSets int32
MaxAvailableReplicasRequest: 1 cluster string, 2 replicaRequirements message, 3 assumedWorkloads message*
MaxAvailableReplicasResponse: 1 maxReplicas int32
NodeClaim: 2 nodeSelector message*, 4 nodeAffinityBytes bytes, 5 tolerationsBytes bytes*
ObjectReference: 1 apiVersion string, 2 kind string, 3 namespace string, 4 name string
ReplicaRequirements: 1 nodeClaim message, 3 namespace string, 4 priorityClassName string, 5 resourceRequestBytes message*
UnschedulableReplicasRequest: 1 cluster string, 2 resource message, 3 unschedulableThreshold int64
UnschedulableReplicasResponse: 1 unschedulableReplicas int32`), "\n")
	var got []string
	messages := File_estimator_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		fields := map[int]string{}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			many := ""
			if f.Cardinality().String() == "repeated" {
				many = "*"
			}
			fields[int(f.Number())] = fmt.Sprintf("%d %s %s%s", f.Number(), f.Name(), f.Kind(), many)
		}
		var texts []string
		for _, number := range slices.Sorted(maps.Keys(fields)) {
			texts = append(texts, fields[number])
		}
		got = append(got, string(m.Name())+": "+strings.Join(texts, ", "))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p := File_estimator_proto.Package(); p != "github.com.karmada_io.karmada.pkg.estimator.pb" {
		t.Error(p)
	}
}

func TestReadsBytesOfAnotherProgram(t *testing.T) {
	quantity, err := ptr.To(resource.MustParse("1500m")).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var entry []byte // of the map of requests
	entry = protowire.AppendTag(entry, 1, protowire.BytesType)
	entry = protowire.AppendString(entry, "cpu")
	entry = protowire.AppendTag(entry, 2, protowire.BytesType)
	entry = protowire.AppendBytes(entry, quantity)
	var requirements []byte
	requirements = protowire.AppendTag(requirements, 2, protowire.BytesType) // before v1.19; passed over
	requirements = protowire.AppendBytes(requirements, []byte{0xff})
	requirements = protowire.AppendTag(requirements, 3, protowire.BytesType)
	requirements = protowire.AppendString(requirements, "shop")
	requirements = protowire.AppendTag(requirements, 5, protowire.BytesType)
	requirements = protowire.AppendBytes(requirements, entry)
	var in []byte
	in = protowire.AppendTag(in, 1, protowire.BytesType)
	in = protowire.AppendString(in, "fra")
	in = protowire.AppendTag(in, 2, protowire.BytesType)
	in = protowire.AppendBytes(in, requirements)

	var request MaxAvailableReplicasRequest
	if err := proto.Unmarshal(in, &request); err != nil {
		t.Fatal(err)
	}
	got, err := request.ReplicaRequirements.Read()
	if err != nil {
		t.Fatal(err)
	}
	if request.Cluster != "fra" || got.Namespace != "shop" || got.ResourceRequest.Cpu().String() != "1500m" {
		t.Errorf("%v, %v", &request, got)
	}
}

func aClaim() *workv1alpha2.NodeClaim {
	return &workv1alpha2.NodeClaim{
		NodeSelector: map[string]string{"disk": "ssd"},
		HardNodeAffinity: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a", "b"}}},
			MatchFields:      []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"n"}}},
		}}},
		Tolerations: []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: ptr.To[int64](30)}, {}},
	}
}

func TestThereAndBack(t *testing.T) {
	requirements := &workv1alpha2.ReplicaRequirements{
		NodeClaim: aClaim(), Namespace: "shop", PriorityClassName: "high",
		ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi"), "nvidia.com/gpu": resource.MustParse("2")},
	}
	sent, err := Requirements(requirements)
	if err != nil {
		t.Fatal(err)
	}
	over := &ReplicaRequirements{}
	travel(t, sent, over)
	back, err := over.Read()
	if err != nil || !equality.Semantic.DeepEqual(requirements, back) {
		t.Errorf("%v: %s", err, cmp.Diff(requirements, back))
	}

	components := []workv1alpha2.Component{
		{Name: "driver", Replicas: 1},
		{Name: "worker", Replicas: 4, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{NodeClaim: aClaim(), PriorityClassName: "low", ResourceRequest: requirements.ResourceRequest}},
	}
	parts, err := Components(components)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		part := &Component{}
		travel(t, parts[i], part)
		back, err := part.Read()
		if err != nil || !equality.Semantic.DeepEqual(components[i], back) {
			t.Errorf("%v: %s", err, cmp.Diff(components[i], back))
		}
	}

	if none, err := Requirements(nil); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
	if none, err := (*ReplicaRequirements)(nil).Read(); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}

func travel(t *testing.T, from, to proto.Message) {
	t.Helper()
	b, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	for want, in := range map[string]*ReplicaRequirements{
		`resourceRequestBytes["cpu"] is not a Quantity`: {ResourceRequestBytes: map[string][]byte{"cpu": []byte("\x0a\x03abc")}},
		"nodeAffinityBytes is not a NodeSelector":       {NodeClaim: &NodeClaim{NodeAffinityBytes: []byte{0xff}}},
		"tolerationsBytes[1] is not a Toleration":       {NodeClaim: &NodeClaim{TolerationsBytes: [][]byte{nil, {0xff}}}},
	} {
		if _, err := in.Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzRead takes whatever arrives.
func FuzzRead(f *testing.F) {
	sent, err := Requirements(&workv1alpha2.ReplicaRequirements{NodeClaim: aClaim(), ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}})
	if err != nil {
		f.Fatal(err)
	}
	b, err := proto.Marshal(sent)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		var in ReplicaRequirements
		if proto.Unmarshal(b, &in) == nil {
			_, _ = in.Read()
		}
	})
}
