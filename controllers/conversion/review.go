package conversion

import (
	"encoding/json"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	workconversion "github.com/seaway-io/seaway/api/work/conversion"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// bindings knows the Go types of both versions.
var bindings = runtime.NewScheme()

func init() {
	utilruntime.Must(workv1alpha1.AddToScheme(bindings))
	utilruntime.Must(workv1alpha2.AddToScheme(bindings))
}

// Review answers a review that has a request: with all its objects in the version it asks for, in
// their order, or with a failure that says which object is in the way and why.
func Review(review *apiextensionsv1.ConversionReview) *apiextensionsv1.ConversionReview {
	response := &apiextensionsv1.ConversionResponse{UID: review.Request.UID, Result: metav1.Status{Status: metav1.StatusSuccess}}
	converted, err := convertAll(review.Request)
	if err != nil {
		response.Result = metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Message: err.Error()}
	} else {
		response.ConvertedObjects = converted
	}
	return &apiextensionsv1.ConversionReview{TypeMeta: review.TypeMeta, Response: response}
}

func convertAll(request *apiextensionsv1.ConversionRequest) ([]runtime.RawExtension, error) {
	to, err := schema.ParseGroupVersion(request.DesiredAPIVersion)
	if err != nil {
		return nil, fmt.Errorf("desiredAPIVersion: %w", err)
	}
	out := make([]runtime.RawExtension, 0, len(request.Objects))
	for i := range request.Objects {
		raw, err := convert(request.Objects[i].Raw, to)
		if err != nil {
			return nil, fmt.Errorf("objects[%d]: %w", i, err)
		}
		out = append(out, runtime.RawExtension{Raw: raw})
	}
	return out, nil
}

// convert returns a binding, as JSON, in another version. One that has the version is returned as it
// is, byte for byte.
func convert(raw []byte, to schema.GroupVersion) ([]byte, error) {
	var head metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("must be an object with metadata: %w", err)
	}
	from := head.GroupVersionKind()
	in, err := bindings.New(from)
	if err != nil {
		return nil, fmt.Errorf("%s %s/%s: want a binding of %s or %s: %w", from.Kind, head.Namespace, head.Name, workv1alpha1.GroupVersion, workv1alpha2.GroupVersion, err)
	}
	if err := json.Unmarshal(raw, in); err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", from.Kind, head.Namespace, head.Name, err)
	}
	out, err := workconversion.Convert(in, to)
	if err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", from.Kind, head.Namespace, head.Name, err)
	}
	if out == in {
		return raw, nil
	}
	return json.Marshal(out)
}
