package policies

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Template reads the metadata of the binding's template; empty when that is gone.
func (f Finder) Template(ctx context.Context, b workv1alpha2.Binding) (metav1.ObjectMeta, error) {
	ref := b.GetBindingSpec().Resource
	obj := &metav1.PartialObjectMetadata{}
	obj.SetGroupVersionKind(schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind))
	err := f.Live.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, obj)
	if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
		return metav1.ObjectMeta{}, fmt.Errorf("get %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	return obj.ObjectMeta, nil
}

// IsSingleton says whether there may never be two copies of a template.
func IsSingleton(template metav1.Object) bool {
	return template.GetAnnotations()[names.SingletonAnnotation] == "true"
}
