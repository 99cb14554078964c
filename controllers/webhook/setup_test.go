package webhook

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"
)

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestConfigurations(t *testing.T) {
	objs := Configurations(parse(t, "https://hub.example.com:9443"), []byte("trusted"))
	if len(objs) != 2 {
		t.Fatalf("%d objects", len(objs))
	}
	mutating := objs[0].(*admissionregistrationv1.MutatingWebhookConfiguration)
	validating := objs[1].(*admissionregistrationv1.ValidatingWebhookConfiguration)
	for _, o := range objs {
		if o.GetName() != "seaway" || o.GetObjectKind().GroupVersionKind().Kind == "" {
			t.Errorf("%s %q", o.GetObjectKind().GroupVersionKind(), o.GetName())
		}
	}

	urls := map[string]string{}
	look := func(name string, c admissionregistrationv1.WebhookClientConfig, rules []admissionregistrationv1.RuleWithOperations,
		policy *admissionregistrationv1.FailurePolicyType, side *admissionregistrationv1.SideEffectClass, timeout *int32) {
		t.Helper()
		urls[*c.URL] = name + " " + rules[0].APIVersions[0] + " " + rules[0].Resources[0]
		if string(c.CABundle) != "trusted" || c.Service != nil {
			t.Errorf("%s: client config %+v", name, c)
		}
		if *policy != admissionregistrationv1.Ignore || *side != admissionregistrationv1.SideEffectClassNone || *timeout != 3 {
			t.Errorf("%s: policy %s, side effects %s, timeout %d", name, *policy, *side, *timeout)
		}
		want := []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}
		if diff := cmp.Diff(want, rules[0].Operations); diff != "" || *rules[0].Scope != admissionregistrationv1.AllScopes {
			t.Errorf("%s: scope %v, operations (-want +got):\n%s", name, ptr.Deref(rules[0].Scope, ""), diff)
		}
	}
	for _, w := range mutating.Webhooks {
		look(w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects, w.TimeoutSeconds)
	}
	for _, w := range validating.Webhooks {
		look(w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects, w.TimeoutSeconds)
	}
	const at = "https://hub.example.com:9443"
	want := map[string]string{
		at + "/mutate-propagationpolicy":          "propagationpolicy.policy.karmada.io v1alpha1 propagationpolicies",
		at + "/mutate-clusterpropagationpolicy":   "clusterpropagationpolicy.policy.karmada.io v1alpha1 clusterpropagationpolicies",
		at + "/mutate-overridepolicy":             "overridepolicy.policy.karmada.io v1alpha1 overridepolicies",
		at + "/mutate-clusteroverridepolicy":      "clusteroverridepolicy.policy.karmada.io v1alpha1 clusteroverridepolicies",
		at + "/mutate-work":                       "work.work.karmada.io v1alpha1 works",
		at + "/validate-propagationpolicy":        "propagationpolicy.policy.karmada.io v1alpha1 propagationpolicies",
		at + "/validate-clusterpropagationpolicy": "clusterpropagationpolicy.policy.karmada.io v1alpha1 clusterpropagationpolicies",
		at + "/validate-overridepolicy":           "overridepolicy.policy.karmada.io v1alpha1 overridepolicies",
		at + "/validate-clusteroverridepolicy":    "clusteroverridepolicy.policy.karmada.io v1alpha1 clusteroverridepolicies",
		at + "/validate-work":                     "work.work.karmada.io v1alpha1 works",
		at + "/validate-zone":                     "zone.traffic.seaway.dev v1alpha1 zones",
		at + "/validate-regionmap":                "regionmap.traffic.seaway.dev v1alpha1 regionmaps",
		at + "/validate-trafficpolicy":            "trafficpolicy.traffic.seaway.dev v1alpha1 trafficpolicies",
		at + "/validate-placementplugin":          "placementplugin.traffic.seaway.dev v1alpha1 placementplugins",
	}
	if diff := cmp.Diff(want, urls); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestCertificateIsMadeOnceAndValidForTheHost(t *testing.T) {
	for name, tc := range map[string]struct{ url, host, other string }{
		"a host name":     {"https://hub.example.com:9443", "hub.example.com", "example.org"},
		"an IPv4 address": {"https://192.0.2.7:9443", "192.0.2.7", "192.0.2.8"},
		"an IPv6 address": {"https://[2001:db8::7]:9443", "2001:db8::7", "2001:db8::8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "not", "there")
			bundle, err := Certificate(dir, parse(t, tc.url))
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(pair.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			if !roots.AppendCertsFromPEM(bundle) {
				t.Fatal("the bundle holds no certificate")
			}
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: tc.host, Roots: roots}); err != nil {
				t.Errorf("not valid for %s: %v", tc.host, err)
			}
			if err := leaf.VerifyHostname(tc.other); err == nil {
				t.Errorf("valid for %s too", tc.other)
			}
			if info, err := os.Stat(filepath.Join(dir, "tls.key")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("key: %v, %v", info.Mode(), err)
			}
			again, err := Certificate(dir, parse(t, tc.url))
			if err != nil || !bytes.Equal(again, bundle) {
				t.Errorf("made anew: %v", err)
			}
		})
	}
}

func TestACertificateThatCanNotServeIsAnError(t *testing.T) {
	garbage := t.TempDir()
	if err := os.WriteFile(filepath.Join(garbage, "tls.crt"), []byte("of my own"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := Certificate(other, parse(t, "https://other.example.com:9443")); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"no certificate": garbage, "for another host": other} {
		if _, err := Certificate(dir, parse(t, "https://hub.example.com:9443")); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "tls.crt")) {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
	}
}

func TestACertificateThatCanNotBeKeptIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Certificate(filepath.Join(file, "dir"), parse(t, "https://hub.example.com:9443")); err == nil {
		t.Error("no error")
	}
}
