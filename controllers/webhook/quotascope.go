package webhook

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/hub"
)

// QuotaConfigurationName names the configuration of the webhook that makes quotas bind. Who no longer answers
// for it has to delete it, for it fails closed.
const QuotaConfigurationName = "seaway-quota"

// SetupQuota makes FederatedResourceQuotas bind: it serves the question whether a binding may grow, and keeps
// the API server asking it in the namespaces that have a quota which has been counted (controllers/quota with
// Enforce does that), and nowhere else. Base and caBundle are those of Configurations.
//
// Unlike the other webhooks this one fails closed: nothing behind it would notice. What then waits is that
// workloads of those namespaces grow; nothing that runs, moves or shrinks does.
func SetupQuota(mgr ctrl.Manager, base *url.URL, caBundle []byte) error {
	gate := &quotaGate{
		cached: mgr.GetClient(), decoder: admission.NewDecoder(mgr.GetScheme()),
		desk: &quotaDesk{live: mgr.GetAPIReader(), client: mgr.GetClient(), clock: clock.RealClock{}},
	}
	mgr.GetWebhookServer().Register(quotaPath, &webhook.Admission{Handler: gate})
	r := &quotaScope{client: mgr.GetClient(), base: base, caBundle: caBundle}
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: QuotaConfigurationName}}}
	})
	err := ctrl.NewControllerManagedBy(mgr).
		Named("quotascope").
		Watches(&policyv1alpha1.FederatedResourceQuota{}, all, builder.WithPredicates(countedOrGone)).
		For(&admissionregistrationv1.ValidatingWebhookConfiguration{}, builder.WithPredicates(
			predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == QuotaConfigurationName }), predicate.GenerationChangedPredicate{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the quotas' webhook: %w", err)
	}
	return nil
}

// countedOrGone passes what may change where the API server has to ask.
var countedOrGone = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return counted(e.ObjectOld) != counted(e.ObjectNew) }}

func counted(obj client.Object) bool {
	_, ok := quota.Read(obj.(*policyv1alpha1.FederatedResourceQuota))
	return ok
}

type quotaScope struct {
	client   client.Client
	base     *url.URL
	caBundle []byte
}

// Reconcile keeps the configuration.
func (r *quotaScope) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	var quotas policyv1alpha1.FederatedResourceQuotaList
	if err := r.client.List(ctx, &quotas, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, fmt.Errorf("list quotas: %w", err)
	}
	var namespaces []string
	for i := range quotas.Items {
		if counted(&quotas.Items[i]) {
			namespaces = append(namespaces, quotas.Items[i].Namespace)
		}
	}
	slices.Sort(namespaces)
	want := quotaConfiguration(r.base, r.caBundle, slices.Compact(namespaces))
	have := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	err := r.client.Get(ctx, client.ObjectKeyFromObject(want), have)
	if apierrors.IsNotFound(err) {
		return hub.Result(ctrl.Result{}, client.IgnoreAlreadyExists(r.client.Create(ctx, want)))
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	_, err = hub.Patch(ctx, r.client, have, func(c *admissionregistrationv1.ValidatingWebhookConfiguration) { c.Webhooks = want.Webhooks })
	return hub.Result(ctrl.Result{}, err)
}

// quotaConfiguration makes the API server ask whether bindings of some namespaces may grow. All fields with
// a default are set, so that what the server keeps is equal to it. The webhook has the name that clients
// of Karmada look for in a refusal.
func quotaConfiguration(base *url.URL, caBundle []byte, namespaces []string) *admissionregistrationv1.ValidatingWebhookConfiguration {
	where := metav1.LabelSelectorRequirement{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces}
	if len(namespaces) == 0 {
		where = metav1.LabelSelectorRequirement{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpDoesNotExist} // every namespace has it
	}
	r := rule{resource: workv1alpha2.GroupVersion.WithResource("resourcebindings"), name: "resourcebinding"}
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: QuotaConfigurationName},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: r.webhook(), Rules: r.on(false), MatchConditions: bindingGrowth, MatchPolicy: ptr.To(admissionregistrationv1.Equivalent),
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{where}}, ObjectSelector: &metav1.LabelSelector{},
			ClientConfig: at(base, quotaPath, caBundle), AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: ptr.To[int32](timeoutSeconds),
			SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNoneOnDryRun), FailurePolicy: ptr.To(admissionregistrationv1.Fail),
		}},
	}
}
