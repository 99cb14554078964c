package estimate

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// list reads "cpu=2 memory=1Gi".
func list(text string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for entry := range strings.FieldsSeq(text) {
		name, quantity, _ := strings.Cut(entry, "=")
		out[corev1.ResourceName(name)] = resource.MustParse(quantity)
	}
	return out
}

func asking(text string) *workv1alpha2.ReplicaRequirements {
	return &workv1alpha2.ReplicaRequirements{ResourceRequest: list(text)}
}

func component(name string, replicas int32, text string) workv1alpha2.Component {
	return workv1alpha2.Component{Name: name, Replicas: replicas,
		ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list(text)}}
}

// aNode is ready and offers ten places besides what the text says.
func aNode(name, offers string, change ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/hostname": name}}}
	n.Status.Allocatable = list("pods=10 " + offers)
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for _, f := range change {
		f(n)
	}
	return n
}

func labelled(key, value string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Labels[key] = value }
}

func tainted(key, value string, effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: effect})
	}
}

func aPod(name, node, asks string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	p.Spec.NodeName = node
	p.Spec.Containers = []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: list(asks)}}}
	for _, f := range change {
		f(p)
	}
	return p
}

// aCluster is made of nodes and pods.
func aCluster(t testing.TB, objects ...any) *Cluster {
	t.Helper()
	c := &Cluster{}
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.Node:
			c.SetNode(NodeOf(o))
		case *corev1.Pod:
			if p, ok := PodOf(o); ok {
				c.AddPod(p)
			}
		default:
			t.Fatalf("a cluster has no %T", o)
		}
	}
	return c
}

// numbered returns n nodes.
func numbered(n int, offers string) []any {
	var nodes []any
	for i := range n {
		nodes = append(nodes, aNode(fmt.Sprintf("n%04d", i), offers))
	}
	return nodes
}

func aQuota(hard, used string, change ...func(*corev1.ResourceQuota)) Quota {
	q := &corev1.ResourceQuota{Status: corev1.ResourceQuotaStatus{Hard: list(hard), Used: list(used)}}
	for _, f := range change {
		f(q)
	}
	return QuotaOf(q)
}

func scoped(name corev1.ResourceQuotaScope, op corev1.ScopeSelectorOperator, values ...string) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) {
		if q.Spec.ScopeSelector == nil {
			q.Spec.ScopeSelector = &corev1.ScopeSelector{}
		}
		q.Spec.ScopeSelector.MatchExpressions = append(q.Spec.ScopeSelector.MatchExpressions,
			corev1.ScopedResourceSelectorRequirement{ScopeName: name, Operator: op, Values: values})
	}
}
