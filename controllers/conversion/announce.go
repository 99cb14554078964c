package conversion

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// definitions are the CustomResourceDefinitions of the bindings.
var definitions = []string{"clusterresourcebindings.work.karmada.io", "resourcebindings.work.karmada.io"}

// Announce makes the hub's API server ask at base, an https URL without a path, for bindings in a
// version that is not the stored one. The definitions must be there; one that says so already is not
// written. Only requests for v1alpha1 depend on the answer: those for v1alpha2 go on without it.
func Announce(ctx context.Context, c client.Client, base *url.URL, caBundle []byte) error {
	want := conversion(base, caBundle)
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"conversion": want}})
	if err != nil {
		return err
	}
	for _, name := range definitions {
		crd := &unstructured.Unstructured{}
		crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
		if err := c.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
			return fmt.Errorf("read the definition %s: %w", name, err)
		}
		if says(crd, want) {
			continue
		}
		if err := c.Patch(ctx, crd, client.RawPatch(client.Merge.Type(), patch)); err != nil {
			return fmt.Errorf("have %s converted: %w", name, err)
		}
	}
	return nil
}

// conversion is what a definition says.
func conversion(base *url.URL, caBundle []byte) apiextensionsv1.CustomResourceConversion {
	return apiextensionsv1.CustomResourceConversion{
		Strategy: apiextensionsv1.WebhookConverter,
		Webhook: &apiextensionsv1.WebhookConversion{
			ClientConfig:             &apiextensionsv1.WebhookClientConfig{URL: ptr.To(base.JoinPath(Path).String()), CABundle: caBundle},
			ConversionReviewVersions: []string{apiextensionsv1.SchemeGroupVersion.Version},
		},
	}
}

func says(crd *unstructured.Unstructured, want apiextensionsv1.CustomResourceConversion) bool {
	present, found, err := unstructured.NestedMap(crd.Object, "spec", "conversion")
	if err != nil || !found {
		return false
	}
	var have apiextensionsv1.CustomResourceConversion
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(present, &have)
	return err == nil && equality.Semantic.DeepEqual(have, want)
}
