package controller

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/controllers/conversion"
	"github.com/seaway-io/seaway/controllers/webhook"
)

func (o *options) webhookBase() (*url.URL, int, error) {
	base, err := url.Parse(o.webhookURL)
	if err != nil || base.Scheme != "https" || base.Port() == "" || o.webhookCertDir == "" {
		return nil, 0, fmt.Errorf("--webhook-url: want https://HOST:PORT, with --webhook-cert-dir, not %q", o.webhookURL)
	}
	port, err := strconv.Atoi(base.Port())
	return base, port, err
}

// admission serves the webhooks and tells the hub's API server about them. What needs no webhook is
// there without them.
func (o *options) admission(ctx context.Context, mgr ctrl.Manager, p *parts) error {
	direct, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return err
	}
	wanted := webhook.Protection()
	if o.webhookURL != "" {
		base, _, err := o.webhookBase()
		if err != nil {
			return err
		}
		trusted, err := webhook.Certificate(o.webhookCertDir, base)
		if err != nil {
			return err
		}
		webhook.Setup(mgr, webhook.Options{AllowNoExecuteTaints: o.allowNoExecute})
		user, err := whoAmI(ctx, direct)
		if err != nil {
			return err
		}
		wanted = webhook.Configurations(base, trusted, user)
		mgr.GetWebhookServer().Register(conversion.Path, conversion.Handler())
		if err := conversion.Announce(ctx, direct, base, trusted); err != nil {
			return err
		}
		if p.enforceQuotas {
			if err := webhook.SetupQuota(mgr, base, trusted); err != nil {
				return err
			}
		}
	}
	if !p.enforceQuotas {
		// It fails closed: nobody answers for it any more.
		stale := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: webhook.QuotaConfigurationName}}
		if err := direct.Delete(ctx, stale); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for _, want := range wanted {
		if err := put(ctx, direct, want); err != nil {
			return err
		}
	}
	return nil
}

// whoAmI is the name under which the hub's API server knows this process.
func whoAmI(ctx context.Context, c client.Client) (string, error) {
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask the hub who this is: %w", err)
	}
	return review.Status.UserInfo.Username, nil
}

// put makes sure of an object. One that is as it should be already is not written.
func put(ctx context.Context, c client.Client, want client.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return err
	}
	obj := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(obj.Object, "metadata", "creationTimestamp")
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), client.FieldOwner("seaway-controller"), client.ForceOwnership)
}
