package webhook

import (
	"context"
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/quota"
)

// quotaPath is where the API server asks whether a binding may grow.
const quotaPath = "/validate-resourcebinding-quota"

// bindingGrowth holds for writes of bindings that may ask for more than before. They are the only ones
// worth a question: most writes are of what follows from a placement, or move replicas between clusters.
var bindingGrowth = []admissionregistrationv1.MatchCondition{
	{
		Name:       "placed-and-requests-something",
		Expression: "object.spec.?clusters.orValue([]).size() > 0 && (has(object.spec.replicaRequirements) || has(object.spec.components))",
	}, {
		Name: "may-grow",
		Expression: "oldObject == null" +
			" || object.spec.?replicaRequirements.resourceRequest != oldObject.spec.?replicaRequirements.resourceRequest" +
			" || object.spec.?components != oldObject.spec.?components" +
			" || has(object.spec.components) && object.spec.?clusters != oldObject.spec.?clusters" +
			" || object.spec.?clusters.orValue([]).map(c, c.?replicas.orValue(0)).sum() > oldObject.spec.?clusters.orValue([]).map(c, c.?replicas.orValue(0)).sum()",
	},
}

// quotaGate refuses bindings that would use more than a FederatedResourceQuota of their namespace has.
type quotaGate struct {
	cached  client.Reader
	desk    *quotaDesk
	decoder admission.Decoder
}

// Handle implements admission.Handler. What is allowed is reserved, unless the request is a dry run. A
// binding on its way out is let through.
func (g *quotaGate) Handle(ctx context.Context, req admission.Request) admission.Response {
	var b, before workv1alpha2.ResourceBinding
	if err := g.decoder.Decode(req, &b); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if req.Operation == admissionv1.Update {
		if err := g.decoder.DecodeRaw(req.OldObject, &before); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
	}
	claim := quota.Claim{UID: b.UID, Generation: before.Generation, Had: quota.Usage(&before.Spec), Wants: quota.Usage(&b.Spec)}
	if b.DeletionTimestamp != nil || !quota.Grows(claim.Had, claim.Wants) {
		return admission.Allowed("")
	}
	var quotas policyv1alpha1.FederatedResourceQuotaList
	if err := g.cached.List(ctx, &quotas, client.InNamespace(req.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	if len(quotas.Items) == 0 {
		return admission.Allowed("")
	}
	return quotaAnswer(g.desk.decide(ctx, req.Namespace, claim, ptr.Deref(req.DryRun, false)))
}

// quotaAnswer tells a refusal that lasts from trouble that passes.
func quotaAnswer(err error) admission.Response {
	var exceeded *quota.Exceeded
	switch {
	case err == nil:
		return admission.Allowed("")
	case errors.As(err, &exceeded):
		return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: workv1alpha2.ReasonQuotaExceeded, Message: err.Error(),
		}}}
	}
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable, Message: err.Error(),
	}}}
}
