package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// mutator fills in defaults.
type mutator struct {
	rule
	decoder admission.Decoder
}

// Handle implements admission.Handler.
func (m mutator) Handle(_ context.Context, req admission.Request) admission.Response {
	obj := m.empty()
	if err := m.decoder.Decode(req, obj); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	m.fill(obj, req.Operation)
	filled, err := json.Marshal(obj)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(req.Object.Raw, filled)
}

// validator refuses what can not be right.
type validator struct {
	rule
	decoder admission.Decoder
	// others are the objects on the hub.
	others client.Reader
}

// Handle implements admission.Handler. An object that is on its way out is let through: its
// finalizers must always be removable.
func (v validator) Handle(ctx context.Context, req admission.Request) admission.Response {
	obj := v.empty()
	if err := v.decoder.Decode(req, obj); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if obj.GetDeletionTimestamp() != nil {
		return admission.Allowed("")
	}
	var old client.Object
	if req.Operation == admissionv1.Update {
		old = v.empty()
		if err := v.decoder.DecodeRaw(req.OldObject, old); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
	}
	errs := v.inspect(obj, old)
	allowed := admission.Allowed("")
	if v.compare != nil {
		more, err := v.compare(ctx, v.others, obj, old)
		if err != nil { // as if nobody had been asked
			allowed = allowed.WithWarnings("not compared with the others of its kind: " + err.Error())
		}
		errs = append(errs, more...)
	}
	if len(errs) == 0 {
		return allowed
	}
	kind := obj.GetObjectKind().GroupVersionKind().GroupKind()
	invalid := apierrors.NewInvalid(kind, obj.GetName(), first(errs)).Status()
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Allowed: false, Result: &invalid}}
}

// shownFaults bounds a refusal: an object with ten thousand faults makes no answer of megabytes.
const shownFaults = 50

func first(errs field.ErrorList) field.ErrorList {
	if len(errs) <= shownFaults {
		return errs
	}
	more := &field.Error{Type: field.ErrorTypeInvalid, Field: "spec", BadValue: field.OmitValueType{}, Detail: fmt.Sprintf("and %d more faults", len(errs)-shownFaults)}
	return append(errs[:shownFaults:shownFaults], more)
}
