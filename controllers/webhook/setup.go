package webhook

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// configurationName names the two webhook configurations on the hub.
const configurationName = "seaway"

// timeoutSeconds is how long the API server waits for an answer.
const timeoutSeconds = 3

// Options of admission.
type Options struct {
	// AllowNoExecuteTaints lets ClusterTaintPolicies have taints with the effect NoExecute.
	AllowNoExecuteTaints bool
}

// Setup serves every rule on the manager's webhook server.
func Setup(mgr ctrl.Manager, o Options) {
	for path, handler := range handlers(mgr.GetScheme(), mgr.GetClient(), o) {
		mgr.GetWebhookServer().Register(path, handler)
	}
}

// handlers are the webhooks by their paths. They compare objects with those that the reader has.
func handlers(s *runtime.Scheme, others client.Reader, o Options) map[string]http.Handler {
	decoder := admission.NewDecoder(s)
	out := map[string]http.Handler{}
	for _, r := range rules {
		if o.AllowNoExecuteTaints && r.evicting != nil {
			r.inspect = r.evicting
		}
		if r.fill != nil {
			out["/mutate-"+r.name] = &webhook.Admission{Handler: mutator{r, decoder}}
		}
		out["/validate-"+r.name] = &webhook.Admission{Handler: validator{r, decoder, others}}
	}
	return out
}

// Certificate is what the webhooks serve with. Replicas that run at once have to share one pair: the
// last to start says what the API server trusts, and admission by the others fails open. A pair made
// here is of one process, which is right for one replica, or for several with a folder in common.
//
// It makes sure that dir holds tls.crt and tls.key for the host of base, self-signed when
// they are not there, and returns the certificate that the API server has to trust. A pair that is
// there and can not serve is an error: nobody would notice otherwise, since admission fails open.
func Certificate(dir string, base *url.URL) (caBundle []byte, err error) {
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	host := base.Hostname()
	if pem, err := os.ReadFile(certFile); err == nil {
		return pem, usable(certFile, keyFile, host)
	}
	var ips []net.IP
	if ip := net.ParseIP(host); ip != nil {
		ips = append(ips, ip)
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey(host, ips, nil)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", host, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		return nil, err
	}
	return certPEM, os.WriteFile(certFile, certPEM, 0o644)
}

// usable says what is wrong with a pair of files, if anything.
func usable(certFile, keyFile, host string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("%s: %w; remove both files to have new ones made", certFile, err)
	}
	if err := pair.Leaf.VerifyHostname(host); err != nil {
		return fmt.Errorf("%s: %w; remove it and %s to have new ones made", certFile, err, keyFile)
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return fmt.Errorf("%s: expired on %s; remove it and %s to have new ones made", certFile, pair.Leaf.NotAfter.Format(time.DateOnly), keyFile)
	}
	return nil
}

// Configurations are the objects that make the hub's API server ask the webhooks at base, an https
// URL without a path, and those of Protection. user is who the controllers are to the API server, as far as
// that is known: it is not asked about Works of theirs.
func Configurations(base *url.URL, caBundle []byte, user string) []client.Object {
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: configurationName},
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: configurationName},
	}
	for i := range rules {
		r := &rules[i]
		fillWhen, inspectWhen := r.fillWhen, r.inspectWhen
		if r.sparesUs && user != "" {
			fillWhen, inspectWhen = unlessBy(user, fillWhen), unlessBy(user, inspectWhen)
		}
		if r.fill != nil {
			mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{
				Name: r.webhook(), Rules: r.on(r.fillAtCreation), MatchConditions: fillWhen, ClientConfig: at(base, "/mutate-"+r.name, caBundle), AdmissionReviewVersions: []string{"v1"},
				SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), FailurePolicy: ptr.To(admissionregistrationv1.Ignore), TimeoutSeconds: ptr.To[int32](timeoutSeconds),
			})
		}
		validating.Webhooks = append(validating.Webhooks, admissionregistrationv1.ValidatingWebhook{
			Name: r.webhook(), Rules: r.on(false), MatchConditions: inspectWhen, ClientConfig: at(base, "/validate-"+r.name, caBundle), AdmissionReviewVersions: []string{"v1"},
			SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), FailurePolicy: ptr.To(admissionregistrationv1.Ignore), TimeoutSeconds: ptr.To[int32](timeoutSeconds),
		})
	}
	return append([]client.Object{mutating, validating}, Protection()...)
}

// on says which requests a webhook is asked about.
func (r *rule) on(creationOnly bool) []admissionregistrationv1.RuleWithOperations {
	operations := []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update}
	if creationOnly {
		operations = operations[:1]
	}
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: operations,
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{r.resource.Group}, APIVersions: []string{r.resource.Version}, Resources: []string{r.resource.Resource},
			Scope: ptr.To(admissionregistrationv1.AllScopes),
		},
	}}
}

func at(base *url.URL, path string, caBundle []byte) admissionregistrationv1.WebhookClientConfig {
	return admissionregistrationv1.WebhookClientConfig{URL: ptr.To(base.JoinPath(path).String()), CABundle: caBundle}
}
