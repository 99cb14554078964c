package interpreter

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// TestLayersAreThereBeforeAnythingIsInterpreted: what Setup returns knows what the hub knew by then.
func TestLayersAreThereBeforeAnythingIsInterpreted(t *testing.T) {
	hub := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/resourceinterpretercustomizations"):
			list := &configv1alpha1.ResourceInterpreterCustomizationList{Items: []configv1alpha1.ResourceInterpreterCustomization{*customization("sick", `function InterpretHealth(o) return false end`, 1)}}
			list.SetGroupVersionKind(configv1alpha1.GroupVersion.WithKind("ResourceInterpreterCustomizationList"))
			_ = json.NewEncoder(rw).Encode(list)
		case strings.HasSuffix(r.URL.Path, "/resourceinterpreterwebhookconfigurations"):
			list := &configv1alpha1.ResourceInterpreterWebhookConfigurationList{}
			list.SetGroupVersionKind(configv1alpha1.GroupVersion.WithKind("ResourceInterpreterWebhookConfigurationList"))
			_ = json.NewEncoder(rw).Encode(list)
		default:
			rw.WriteHeader(http.StatusNotFound)
		}
	}))
	defer hub.Close()
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(configv1alpha1.GroupVersion.WithKind("ResourceInterpreterCustomization"), meta.RESTScopeRoot)
	mapper.Add(configv1alpha1.GroupVersion.WithKind("ResourceInterpreterWebhookConfiguration"), meta.RESTScopeRoot)
	mgr, err := ctrl.NewManager(&rest.Config{Host: hub.URL}, ctrl.Options{
		Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"},
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := Setup(t.Context(), mgr, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if health, err := interpret.New(layers...).Health(object("Fleet")); err != nil || health != workv1alpha2.ResourceUnhealthy {
		t.Errorf("the customization does not count yet: %s, %v", health, err)
	}
}
