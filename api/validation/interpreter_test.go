package validation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
)

func goodCustomization(name string) *configv1alpha1.ResourceInterpreterCustomization {
	return &configv1alpha1.ResourceInterpreterCustomization{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: configv1alpha1.ResourceInterpreterCustomizationSpec{
			Target: configv1alpha1.CustomizationTarget{APIVersion: "example.io/v1", Kind: "Fleet"},
			Customizations: configv1alpha1.CustomizationRules{
				HealthInterpretation:     &configv1alpha1.HealthInterpretation{LuaScript: "x"},
				DependencyInterpretation: &configv1alpha1.DependencyInterpretation{LuaScript: "x"},
			},
		},
	}
}

func TestValidateCustomization(t *testing.T) {
	type customization = configv1alpha1.ResourceInterpreterCustomization
	for name, test := range map[string]struct {
		change func(*customization)
		want   []string
	}{
		"good":          {func(*customization) {}, nil},
		"core kind":     {func(c *customization) { c.Spec.Target.APIVersion = "v1" }, nil},
		"no version":    {func(c *customization) { c.Spec.Target.APIVersion = "" }, []string{"spec.target.apiVersion"}},
		"two slashes":   {func(c *customization) { c.Spec.Target.APIVersion = "a/b/c" }, []string{"spec.target.apiVersion"}},
		"all kinds":     {func(c *customization) { c.Spec.Target.Kind = "*" }, []string{"spec.target.kind"}},
		"no script":     {func(c *customization) { c.Spec.Customizations = configv1alpha1.CustomizationRules{} }, []string{"spec.customizations"}},
		"empty script":  {func(c *customization) { c.Spec.Customizations.HealthInterpretation.LuaScript = " " }, []string{"spec.customizations.healthInterpretation.luaScript"}},
		"empty, too":    {func(c *customization) { c.Spec.Customizations.Retention = &configv1alpha1.LocalValueRetention{} }, []string{"spec.customizations.retention.luaScript"}},
		"two are wrong": {func(c *customization) { c.Spec.Target = configv1alpha1.CustomizationTarget{} }, []string{"spec.target.apiVersion", "spec.target.kind"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := goodCustomization("a")
			test.change(c)
			var got []string
			for _, err := range ValidateCustomization(c) {
				got = append(got, err.Field)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConflictingCustomizations(t *testing.T) {
	other := goodCustomization("other")
	another := goodCustomization("another")
	another.Spec.Target.Kind = "Boat"
	others := []configv1alpha1.ResourceInterpreterCustomization{*other, *another, *goodCustomization("a")}
	errs := ConflictingCustomizations(goodCustomization("a"), others)
	if len(errs) != 1 || errs[0].Field != "spec.customizations.healthInterpretation" || !strings.Contains(errs[0].Detail, "customization other") {
		t.Errorf("want one conflict, about health, not dependencies: %v", errs)
	}
	other.Spec.Customizations.HealthInterpretation = nil
	if errs := ConflictingCustomizations(other, others); len(errs) != 0 {
		t.Errorf("have %v", errs)
	}
}

func TestValidateInterpreterWebhooks(t *testing.T) {
	type webhook = configv1alpha1.ResourceInterpreterWebhook
	for name, test := range map[string]struct {
		change func(*webhook)
		want   []string
	}{
		"good":                {func(*webhook) {}, nil},
		"all of everything":   {func(w *webhook) { w.Rules[0].Operations = []configv1alpha1.InterpreterOperation{"*"} }, nil},
		"a short name":        {func(w *webhook) { w.Name = "short" }, []string{"webhooks[0].name"}},
		"no operation":        {func(w *webhook) { w.Rules[0].Operations = nil }, []string{"webhooks[0].rules[0].operations"}},
		"unknown operation":   {func(w *webhook) { w.Rules[0].Operations[0] = "Guess" }, []string{"webhooks[0].rules[0].operations[0]"}},
		"all and one":         {func(w *webhook) { w.Rules[0].Kinds = []string{"*", "Fleet"} }, []string{"webhooks[0].rules[0].kinds"}},
		"an empty kind":       {func(w *webhook) { w.Rules[0].Kinds[0] = "" }, []string{"webhooks[0].rules[0].kinds[0]"}},
		"an empty version":    {func(w *webhook) { w.Rules[0].APIVersions[0] = "" }, []string{"webhooks[0].rules[0].apiVersions[0]"}},
		"the core group":      {func(w *webhook) { w.Rules[0].APIGroups[0] = "" }, nil},
		"no time":             {func(w *webhook) { w.TimeoutSeconds = ptr.To[int32](0) }, []string{"webhooks[0].timeoutSeconds"}},
		"much time":           {func(w *webhook) { w.TimeoutSeconds = ptr.To[int32](31) }, []string{"webhooks[0].timeoutSeconds"}},
		"no context version":  {func(w *webhook) { w.InterpreterContextVersions = nil }, []string{"webhooks[0].interpreterContextVersions"}},
		"unknown version":     {func(w *webhook) { w.InterpreterContextVersions = []string{"v2"} }, []string{"webhooks[0].interpreterContextVersions"}},
		"the same twice":      {func(w *webhook) { w.InterpreterContextVersions = []string{"v1alpha1", "v1alpha1"} }, []string{"webhooks[0].interpreterContextVersions[1]"}},
		"plain HTTP":          {func(w *webhook) { w.ClientConfig.URL = ptr.To("http://x.com") }, []string{"webhooks[0].clientConfig.url"}},
		"a password":          {func(w *webhook) { w.ClientConfig.URL = ptr.To("https://a:b@x.com") }, []string{"webhooks[0].clientConfig.url"}},
		"a query":             {func(w *webhook) { w.ClientConfig.URL = ptr.To("https://x.com/?token=1") }, []string{"webhooks[0].clientConfig.url"}},
		"no host":             {func(w *webhook) { w.ClientConfig.URL = ptr.To("https:///x") }, []string{"webhooks[0].clientConfig.url"}},
		"nowhere":             {func(w *webhook) { w.ClientConfig.URL = nil }, []string{"webhooks[0].clientConfig"}},
		"a service":           {service("tools", "explain", "/x", 8443), nil},
		"a service and a URL": {func(w *webhook) { w.ClientConfig.Service = &admissionregistrationv1.ServiceReference{} }, []string{"webhooks[0].clientConfig"}},
		"a nameless service":  {service("", "", "/x", 443), []string{"webhooks[0].clientConfig.service.name", "webhooks[0].clientConfig.service.namespace"}},
		"a bad port and path": {service("tools", "explain", "//x", 70000), []string{"webhooks[0].clientConfig.service.port", "webhooks[0].clientConfig.service.path"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &configv1alpha1.ResourceInterpreterWebhookConfiguration{Webhooks: []webhook{{
				Name:                       "explain.example.com",
				ClientConfig:               admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://explain.example.com/ask")},
				InterpreterContextVersions: []string{"v1alpha1"},
				Rules: []configv1alpha1.RuleWithOperations{{
					Operations: []configv1alpha1.InterpreterOperation{"InterpretHealth", "Retain"},
					Rule:       configv1alpha1.Rule{APIGroups: []string{"example.io"}, APIVersions: []string{"v1"}, Kinds: []string{"Fleet"}},
				}},
			}}}
			test.change(&c.Webhooks[0])
			var got []string
			for _, err := range ValidateInterpreterWebhooks(c) {
				got = append(got, err.Field)
				if strings.Contains(err.Error(), "token=1") || strings.Contains(err.Error(), "a:b@") {
					t.Errorf("tells a secret: %v", err)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	twins := &configv1alpha1.ResourceInterpreterWebhookConfiguration{Webhooks: []webhook{{Name: "a.b.c"}, {Name: "a.b.c"}}}
	if errs := ValidateInterpreterWebhooks(twins); !strings.Contains(errs.ToAggregate().Error(), `webhooks[1].name: Duplicate value: "a.b.c"`) {
		t.Errorf("have %v", errs)
	}
}

func service(namespace, name, path string, port int32) func(*configv1alpha1.ResourceInterpreterWebhook) {
	return func(w *configv1alpha1.ResourceInterpreterWebhook) {
		w.ClientConfig.URL = nil
		w.ClientConfig.Service = &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: name, Path: &path, Port: &port}
	}
}
