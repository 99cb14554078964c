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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	const at = "https://hub.example.com:9443"
	objs := Configurations(parse(t, at), []byte("trusted"), "")
	mutating := objs[0].(*admissionregistrationv1.MutatingWebhookConfiguration)
	validating := objs[1].(*admissionregistrationv1.ValidatingWebhookConfiguration)
	if mutating.Name != "seaway" || validating.Name != "seaway" {
		t.Errorf("named %q and %q", mutating.Name, validating.Name)
	}
	for _, o := range objs {
		if o.GetObjectKind().GroupVersionKind().Kind == "" {
			t.Errorf("%T has no kind", o)
		}
	}
	got := map[string]string{}
	look := func(name string, c admissionregistrationv1.WebhookClientConfig, rules []admissionregistrationv1.RuleWithOperations,
		policy *admissionregistrationv1.FailurePolicyType, side *admissionregistrationv1.SideEffectClass, timeout *int32) {
		t.Helper()
		r := rules[0]
		text := name + " " + r.APIVersions[0] + " " + r.Resources[0] + "." + r.APIGroups[0]
		if len(r.Operations) != 2 || r.Operations[1] != admissionregistrationv1.Update {
			text += " at creation"
		}
		got[strings.TrimPrefix(*c.URL, at)] = text
		if string(c.CABundle) != "trusted" || c.Service != nil || r.Operations[0] != admissionregistrationv1.Create || *r.Scope != admissionregistrationv1.AllScopes {
			t.Errorf("%s: client config %+v, rule %+v", name, c, r)
		}
		if *policy != admissionregistrationv1.Ignore || *side != admissionregistrationv1.SideEffectClassNone || *timeout != 3 {
			t.Errorf("%s: policy %s, side effects %s, timeout %d", name, *policy, *side, *timeout)
		}
	}
	for _, w := range mutating.Webhooks {
		look(w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects, w.TimeoutSeconds)
	}
	for _, w := range validating.Webhooks {
		look(w.Name, w.ClientConfig, w.Rules, w.FailurePolicy, w.SideEffects, w.TimeoutSeconds)
	}
	want := map[string]string{
		"/mutate-propagationpolicy":                         "propagationpolicy.karmada.io v1alpha1 propagationpolicies.policy.karmada.io",
		"/mutate-clusterpropagationpolicy":                  "clusterpropagationpolicy.karmada.io v1alpha1 clusterpropagationpolicies.policy.karmada.io",
		"/mutate-overridepolicy":                            "overridepolicy.karmada.io v1alpha1 overridepolicies.policy.karmada.io",
		"/mutate-clusteroverridepolicy":                     "clusteroverridepolicy.karmada.io v1alpha1 clusteroverridepolicies.policy.karmada.io",
		"/mutate-resourcebinding":                           "resourcebinding.karmada.io v1alpha2 resourcebindings.work.karmada.io at creation",
		"/mutate-clusterresourcebinding":                    "clusterresourcebinding.karmada.io v1alpha2 clusterresourcebindings.work.karmada.io at creation",
		"/mutate-work":                                      "work.karmada.io v1alpha1 works.work.karmada.io",
		"/mutate-federatedhpa":                              "federatedhpa.karmada.io v1alpha1 federatedhpas.autoscaling.karmada.io",
		"/mutate-multiclusterservice":                       "multiclusterservice.karmada.io v1alpha1 multiclusterservices.networking.karmada.io",
		"/validate-propagationpolicy":                       "propagationpolicy.karmada.io v1alpha1 propagationpolicies.policy.karmada.io",
		"/validate-clusterpropagationpolicy":                "clusterpropagationpolicy.karmada.io v1alpha1 clusterpropagationpolicies.policy.karmada.io",
		"/validate-overridepolicy":                          "overridepolicy.karmada.io v1alpha1 overridepolicies.policy.karmada.io",
		"/validate-clusteroverridepolicy":                   "clusteroverridepolicy.karmada.io v1alpha1 clusteroverridepolicies.policy.karmada.io",
		"/validate-clustertaintpolicy":                      "clustertaintpolicy.karmada.io v1alpha1 clustertaintpolicies.policy.karmada.io",
		"/validate-federatedresourcequota":                  "federatedresourcequota.karmada.io v1alpha1 federatedresourcequotas.policy.karmada.io",
		"/validate-resourcebinding":                         "resourcebinding.karmada.io v1alpha2 resourcebindings.work.karmada.io",
		"/validate-clusterresourcebinding":                  "clusterresourcebinding.karmada.io v1alpha2 clusterresourcebindings.work.karmada.io",
		"/validate-work":                                    "work.karmada.io v1alpha1 works.work.karmada.io",
		"/validate-resourceinterpreterwebhookconfiguration": "resourceinterpreterwebhookconfiguration.karmada.io v1alpha1 resourceinterpreterwebhookconfigurations.config.karmada.io",
		"/validate-resourceinterpretercustomization":        "resourceinterpretercustomization.karmada.io v1alpha1 resourceinterpretercustomizations.config.karmada.io",
		"/validate-remedy":                                  "remedy.karmada.io v1alpha1 remedies.remedy.karmada.io",
		"/validate-federatedhpa":                            "federatedhpa.karmada.io v1alpha1 federatedhpas.autoscaling.karmada.io",
		"/validate-cronfederatedhpa":                        "cronfederatedhpa.karmada.io v1alpha1 cronfederatedhpas.autoscaling.karmada.io",
		"/validate-multiclusterservice":                     "multiclusterservice.karmada.io v1alpha1 multiclusterservices.networking.karmada.io",
		"/validate-multiclusteringress":                     "multiclusteringress.karmada.io v1alpha1 multiclusteringresses.networking.karmada.io",
		"/validate-zone":                                    "zone.traffic.seaway.dev v1alpha1 zones.traffic.seaway.dev",
		"/validate-zonerecords":                             "zonerecords.traffic.seaway.dev v1alpha1 zonerecords.traffic.seaway.dev",
		"/validate-regionmap":                               "regionmap.traffic.seaway.dev v1alpha1 regionmaps.traffic.seaway.dev",
		"/validate-namespace":                               "namespace.traffic.seaway.dev v1 namespaces.",
		"/validate-placementplugin":                         "placementplugin.traffic.seaway.dev v1alpha1 placementplugins.traffic.seaway.dev",
		"/validate-workloadrebalancer":                      "workloadrebalancer.karmada.io v1alpha1 workloadrebalancers.apps.karmada.io",
		"/validate-trafficpolicy":                           "trafficpolicy.traffic.seaway.dev v1alpha1 trafficpolicies.traffic.seaway.dev",
		"/validate-drill":                                   "drill.traffic.seaway.dev v1alpha1 drills.traffic.seaway.dev",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

// What our own controllers write all the time is complete, and not worth a round trip.
func TestBindingsAreAskedAboutOnlyWhenThereIsAReason(t *testing.T) {
	objs := Configurations(parse(t, "https://hub.example.com:9443"), nil, "us")
	conditions := map[string][]string{}
	for _, w := range objs[0].(*admissionregistrationv1.MutatingWebhookConfiguration).Webhooks {
		for _, c := range w.MatchConditions {
			conditions["fill "+w.Name] = append(conditions["fill "+w.Name], c.Expression)
		}
	}
	for _, w := range objs[1].(*admissionregistrationv1.ValidatingWebhookConfiguration).Webhooks {
		for _, c := range w.MatchConditions {
			conditions["inspect "+w.Name] = append(conditions["inspect "+w.Name], c.Expression)
		}
	}
	const inspect = "(has(object.spec.resource.namespace) ? object.spec.resource.namespace : '') != (has(object.metadata.namespace) ? object.metadata.namespace : '') || " +
		"has(object.spec.components) || has(object.metadata.annotations) && 'resourcebinding.karmada.io/dependencies' in object.metadata.annotations"
	const notUs = `request.userInfo.username != "us"`
	const work = "oldObject == null || object.spec != oldObject.spec || object.metadata.?labels[?'work.karmada.io/permanent-id'].orValue('') == ''" +
		" || object.metadata.?labels[?'work.karmada.io/permanent-id'] != oldObject.metadata.?labels[?'work.karmada.io/permanent-id']"
	want := map[string][]string{
		"inspect drill.traffic.seaway.dev":          {"oldObject == null || object.spec != oldObject.spec"},
		"fill resourcebinding.karmada.io":           {"!has(object.metadata.labels) || !('resourcebinding.karmada.io/permanent-id' in object.metadata.labels)"},
		"fill clusterresourcebinding.karmada.io":    {"!has(object.metadata.labels) || !('clusterresourcebinding.karmada.io/permanent-id' in object.metadata.labels)"},
		"inspect resourcebinding.karmada.io":        {inspect},
		"inspect clusterresourcebinding.karmada.io": {inspect},
		"fill work.karmada.io":                      {work, notUs},
		"inspect work.karmada.io":                   {work, notUs},
		"inspect federatedresourcequota.karmada.io": {"oldObject == null || object.spec != oldObject.spec"},
		"inspect namespace.traffic.seaway.dev":      {"has(object.metadata.annotations) && 'traffic.seaway.dev/residency' in object.metadata.annotations"},
	}
	if diff := cmp.Diff(want, conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

// Whatever carries the label is protected, also while no webhook answers.
func TestProtection(t *testing.T) {
	objs := Protection()
	policy := objs[0].(*admissionregistrationv1.ValidatingAdmissionPolicy)
	binding := objs[1].(*admissionregistrationv1.ValidatingAdmissionPolicyBinding)
	match := policy.Spec.MatchConstraints
	if match.ObjectSelector.MatchLabels["resourcetemplate.karmada.io/deletion-protected"] != "Always" {
		t.Errorf("it looks at %v", match.ObjectSelector)
	}
	if ops := match.ResourceRules[0].Operations; len(ops) != 1 || ops[0] != admissionregistrationv1.Delete {
		t.Errorf("it looks at %v", ops)
	}
	v := policy.Spec.Validations[0]
	if v.Expression != "false" || *v.Reason != metav1.StatusReasonForbidden || !strings.Contains(v.Message, "resourcetemplate.karmada.io/deletion-protected") {
		t.Errorf("it says %+v", v)
	}
	if binding.Spec.PolicyName != policy.Name || *policy.Spec.FailurePolicy != admissionregistrationv1.Fail {
		t.Errorf("binding %+v, failure policy %s", binding.Spec, *policy.Spec.FailurePolicy)
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
