//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet/install"
)

const tenant = "clumsy"

// badInput does everything wrong that a user can do wrong. Each mistake is told with the field and the
// fix, where the user looks.
func badInput(t *testing.T, in *install.Installation) {
	ctx := t.Context()
	must(t, in.Hub.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}))
	t.Cleanup(func() { cleanUp(t, in, tenant) })

	t.Run("a policy for a kind that nobody serves", func(t *testing.T) {
		must(t, in.Hub.Create(ctx, propagation("nobody", policyv1alpha1.ResourceSelector{APIVersion: "example.org/v1", Kind: "Nonesuch"})))
		wantEvent(t, in, tenant, "nobody", "spec.resourceSelectors[0]", "Nonesuch")
	})

	t.Run("an override of a path that does not exist", func(t *testing.T) {
		must(t, in.Hub.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "settings"}, Data: map[string]string{"a": "b"}}))
		must(t, in.Hub.Create(ctx, &policyv1alpha1.OverridePolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: "nowhere"},
			Spec: policyv1alpha1.OverrideSpec{
				ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "ConfigMap", Name: "settings"}},
				OverrideRules: []policyv1alpha1.RuleWithCluster{{
					TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra"}},
					Overriders: policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{
						Path: "/data/not/there", Operator: policyv1alpha1.OverriderOpRemove,
					}}},
				}},
			},
		}))
		must(t, in.Hub.Create(ctx, propagation("settings", policyv1alpha1.ResourceSelector{APIVersion: "v1", Kind: "ConfigMap", Name: "settings"})))
		wantEvent(t, in, tenant, "settings", "nowhere", "/data/not/there")
		eventually(t, "the other clusters get it all the same", func(ctx context.Context) error { return inMember(ctx, in, "iad", "settings") })
	})

	t.Run("a zone that overlaps another", func(t *testing.T) {
		zone := &trafficv1alpha1.Zone{
			ObjectMeta: metav1.ObjectMeta{Name: "inside"},
			Spec:       trafficv1alpha1.ZoneSpec{Domain: "team." + install.Domain, NameServers: []trafficv1alpha1.NameServer{{Name: "ns.example.net"}}},
		}
		must(t, in.Hub.Create(ctx, zone))
		t.Cleanup(func() { _ = in.Hub.Delete(context.Background(), zone) })
		eventually(t, "the newer zone", func(ctx context.Context) error {
			return wantCondition(ctx, in, zone, func() []metav1.Condition { return zone.Status.Conditions }, trafficv1alpha1.ReasonOverlap, install.Domain)
		})
	})

	t.Run("a host name in no zone", func(t *testing.T) {
		p := traffic("outside", "shop.example.org")
		must(t, in.Hub.Create(ctx, p))
		eventually(t, "the policy", func(ctx context.Context) error {
			return wantCondition(ctx, in, p, func() []metav1.Condition { return p.Status.Conditions }, trafficv1alpha1.ReasonNoZone, "spec.hostnames[0]")
		})
	})

	t.Run("two policies for one host name", func(t *testing.T) {
		must(t, in.Hub.Create(ctx, traffic("a-first", "twice."+install.Domain)))
		second := traffic("b-second", "twice."+install.Domain)
		must(t, in.Hub.Create(ctx, second))
		eventually(t, "the second", func(ctx context.Context) error {
			return wantCondition(ctx, in, second, func() []metav1.Condition { return second.Status.Conditions }, trafficv1alpha1.ReasonHostnameConflict, "a-first")
		})
	})

	t.Run("a probe that outlasts its interval is refused at admission", func(t *testing.T) {
		p := traffic("slow", "slow."+install.Domain)
		p.Spec.Health.Timeout = &metav1.Duration{Duration: 5 * time.Second}
		err := in.Hub.Create(ctx, p)
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.health.timeout") {
			t.Errorf("create: %v, want a refusal that names spec.health.timeout", err)
		}
	})

	t.Run("a geo database that is none", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "places.mmdb")
		must(t, os.WriteFile(file, []byte("this is no database"), 0o644))
		runCtx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		out, err := in.Client.Exec(runCtx, in.Options.Seaway, "dns", "--name=bad", "--kubeconfig="+in.Fleet.Hub.Kubeconfig(),
			"--listen="+in.Client.Addr().String()+":5353", "--state-dir="+t.TempDir(), "--metrics-address=", "--geo-database="+file).CombinedOutput()
		if err == nil || !strings.Contains(string(out), file) {
			t.Errorf("seaway dns: %v: %s, want an error that names %s", err, out, file)
		}
	})

	t.Run("a kubeconfig of a cluster that is dead", func(t *testing.T) {
		kubeconfig, err := os.ReadFile(in.Fleet.Members["fra"].Kubeconfig())
		must(t, err)
		file := filepath.Join(t.TempDir(), "dead.kubeconfig")
		must(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(kubeconfig), in.Fleet.Members["fra"].Server(), "https://10.77.0.1:6443")), 0o600))
		out, err := in.Kubectl(ctx, "join", "dead", "--cluster-kubeconfig="+file)
		if err == nil || !strings.Contains(out, "10.77.0.1:6443") {
			t.Errorf("join: %v: %s, want an error that names the endpoint", err, out)
		}
		if err := in.Hub.Get(ctx, client.ObjectKey{Name: "dead"}, &clusterv1alpha1.Cluster{}); !apierrors.IsNotFound(err) {
			t.Errorf("the cluster is registered all the same: %v", err)
		}
	})
}

// cleanUp removes a namespace and waits until nothing of it is left anywhere.
func cleanUp(t *testing.T, in *install.Installation, name string) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := in.Hub.Delete(context.Background(), ns); err != nil {
		t.Error(err)
	}
	awaitGone(t, in, name)
}

// awaitGone waits until a namespace is nowhere.
func awaitGone(t *testing.T, in *install.Installation, name string) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	err := install.Await(context.Background(), 90*time.Second, func(ctx context.Context) error {
		clusters := []client.Client{in.Hub}
		for _, member := range in.Fleet.Members {
			c, err := client.New(member.InsideConfig(), client.Options{Scheme: in.Hub.Scheme()})
			if err != nil {
				return err
			}
			clusters = append(clusters, c)
		}
		for _, c := range clusters {
			if err := c.Get(ctx, client.ObjectKeyFromObject(ns), &corev1.Namespace{}); !apierrors.IsNotFound(err) {
				return fmt.Errorf("namespace %s is still there (%v)", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func propagation(name string, selector policyv1alpha1.ResourceSelector) *policyv1alpha1.PropagationPolicy {
	return &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{selector}},
	}
}

func traffic(name, host string) *trafficv1alpha1.TrafficPolicy {
	return &trafficv1alpha1.TrafficPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec: trafficv1alpha1.TrafficPolicySpec{
			Hostnames:  []string{host},
			TargetRefs: []trafficv1alpha1.TargetRef{{Kind: "Service", Name: "web"}},
			Steering:   trafficv1alpha1.Steering{Strategy: trafficv1alpha1.StrategyGeo},
		},
	}
}

// wantCondition wants Accepted=False with a reason, and a message that holds text.
func wantCondition(ctx context.Context, in *install.Installation, obj client.Object, conditions func() []metav1.Condition, reason, text string) error {
	if err := in.Hub.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
		return err
	}
	c := meta.FindStatusCondition(conditions(), trafficv1alpha1.ConditionAccepted)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != reason || !strings.Contains(c.Message, text) {
		return fmt.Errorf("Accepted is %+v, want False, %s and %q", c, reason, text)
	}
	return nil
}

// wantEvent wants a warning on the object that holds all texts.
func wantEvent(t *testing.T, in *install.Installation, namespace, name string, texts ...string) {
	t.Helper()
	eventually(t, "event on "+name, func(ctx context.Context) error {
		var events corev1.EventList
		if err := in.Hub.List(ctx, &events, client.InNamespace(namespace)); err != nil {
			return err
		}
		var seen []string
	next:
		for _, e := range events.Items {
			if e.InvolvedObject.Name != name || e.Type != corev1.EventTypeWarning {
				continue
			}
			seen = append(seen, e.Message)
			for _, text := range texts {
				if !strings.Contains(e.Message, text) {
					continue next
				}
			}
			return nil
		}
		return fmt.Errorf("no warning with %q among %q", texts, seen)
	})
}

func inMember(ctx context.Context, in *install.Installation, cluster, configMap string) error {
	c, err := client.New(in.Fleet.Members[cluster].InsideConfig(), client.Options{Scheme: in.Hub.Scheme()})
	if err != nil {
		return err
	}
	return c.Get(ctx, client.ObjectKey{Namespace: tenant, Name: configMap}, &corev1.ConfigMap{})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
