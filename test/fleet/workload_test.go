//go:build linux

package fleet

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/test/fleet/dataplane"
	"github.com/seaway-io/seaway/test/fleet/kwok"
)

func TestDeploymentsBecomeShopsThatAnswer(t *testing.T) {
	f := sharedFleet(t)
	for _, name := range []string{"fra", "iad"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, f.Members[name], "shop:"+name)
			s.opens()
			identity, err := s.visit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pods, err := s.pods(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(pods, identity.Pod) {
				t.Errorf("%s answered, which is none of %v", identity.Pod, pods)
			}
			want := dataplane.Identity{Pod: identity.Pod, Namespace: s.name, Cluster: name, Node: identity.Node, Image: "shop:" + name}
			if diff := cmp.Diff(want, identity); diff != "" || !strings.HasPrefix(identity.Node, name+"-") {
				t.Errorf("node %s %s", identity.Node, diff)
			}
			if gateways := f.Members[name].Plan().Gateways; !gateways.Contains(s.gateway) {
				t.Errorf("gateway %s is not in %s", s.gateway, gateways)
			}
		})
	}
}

func TestNodesSayWhereTheyStand(t *testing.T) {
	f := sharedFleet(t)
	nodes, err := client(t, f.Members["fra"].RESTConfig()).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, node := range nodes.Items {
		got[node.Name] = node.Labels[corev1.LabelTopologyRegion] + " " + node.Labels[corev1.LabelTopologyZone] + " " + node.Spec.PodCIDR
	}
	want := map[string]string{"fra-0": "eu-central-1 eu-central-1a 10.10.0.0/24", "fra-1": "eu-central-1 eu-central-1b 10.10.1.0/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPodsOfTwoMembersMayHaveTheSameAddress(t *testing.T) {
	f := sharedFleet(t)
	for _, name := range []string{"fra", "iad"} {
		s := newShop(t, f.Members[name], "shop:1")
		s.opens()
		pods, err := s.client.CoreV1().Pods(s.name).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := netip.AddrPortFrom(netip.MustParseAddr(pods.Items[0].Status.PodIP), 8080).String()
		conn, err := f.Members[name].DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Errorf("%s does not reach its own pod at %s: %v", name, at, err)
		} else {
			conn.Close()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if conn, err := s.visitor.DialContext(ctx, "tcp", at); err == nil {
			conn.Close()
			t.Errorf("the pod at %s in %s is reachable from outside", at, name)
		}
	}
}

func TestAServiceFollowsItsPodsAndGoes(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:1")
	s.opens()
	scale := func(replicas int) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
		if _, err := s.client.AppsV1().Deployments(s.name).Patch(t.Context(), "shop", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	scale(0)
	eventually(t, "a refusal without pods", func(ctx context.Context) error {
		_, err := s.visit(ctx)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	scale(4)
	s.opens()
	if err := s.client.CoreV1().Services(s.name).Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no address without a Service", func(ctx context.Context) error {
		addrs, err := s.cluster.Exec(ctx, "cat", "/proc/net/fib_trie").Output()
		if err == nil && strings.Contains(string(addrs), s.gateway.String()+"\n") {
			err = fmt.Errorf("%s is still there", s.gateway)
		}
		return err
	})
}

func TestReadinessOpensAndClosesThePort(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:1")
	s.opens()
	pods, err := s.pods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	label := func(value string) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%s}}}`, kwok.HoldUnreadyLabel, value)
		for _, pod := range pods {
			if _, err := s.client.CoreV1().Pods(s.name).Patch(t.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	label(`"true"`)
	eventually(t, "a refusal when no pod is ready", func(ctx context.Context) error {
		identity, err := s.visit(ctx)
		if err == nil {
			return fmt.Errorf("%s answers", identity.Pod)
		}
		return nil
	})
	label("null")
	s.opens()
}

func TestABrokenImageNeverRuns(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:"+kwok.BrokenTag)
	eventually(t, "four pods that wait for their image", func(ctx context.Context) error {
		pods, err := s.client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		waiting := 0
		for _, pod := range pods.Items {
			for _, status := range pod.Status.ContainerStatuses {
				if status.State.Waiting != nil && status.State.Waiting.Reason == "ImagePullBackOff" {
					waiting++
				}
			}
		}
		if waiting != 4 {
			return fmt.Errorf("%d wait", waiting)
		}
		return nil
	})
	s.mustNotAnswer()
}

// TestTheHubActsOnNothing: templates of workloads are stored as they are.
func TestTheHubActsOnNothing(t *testing.T) {
	f := sharedFleet(t)
	hub := client(t, f.Hub.RESTConfig())
	config, err := hub.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "extension-apiserver-authentication", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if config.Data["requestheader-client-ca-file"] != string(f.Hub.Files.FrontProxyCA.Pair().Certificate) {
		t.Error("aggregated API servers are not told the front proxy's authority")
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "template-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "shop:1"}}},
	}
	pod, err = hub.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pod.Spec.ServiceAccountName != "" || len(pod.Spec.Volumes) > 0 {
		t.Errorf("admission has changed the template: %+v", pod.Spec)
	}
	if err := hub.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		t.Error(err)
	}
}
