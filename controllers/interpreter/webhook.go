package interpreter

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// defaultTimeout is how long a webhook has when it does not say, as for admission webhooks.
	defaultTimeout = 10 * time.Second
	// defaultPort is the port of a Service that does not say.
	defaultPort = 443
	// longestAnswer is the size of the largest answer: two of the largest objects.
	longestAnswer = 4 << 20
)

// webhook is one webhook and the connections to it.
type webhook struct {
	owner   types.UID
	spec    configv1alpha1.ResourceInterpreterWebhook
	url     string
	client  *http.Client
	timeout time.Duration
	breaker breaker
	options Options
}

// newWebhook prepares a webhook; nothing is called yet.
func newWebhook(owner types.UID, spec *configv1alpha1.ResourceInterpreterWebhook, o Options) (*webhook, error) {
	if !slices.Contains(spec.InterpreterContextVersions, configv1alpha1.GroupVersion.Version) {
		return nil, fmt.Errorf("interpreterContextVersions: does not contain %s, the version that is spoken here", configv1alpha1.GroupVersion.Version)
	}
	w := &webhook{owner: owner, spec: *spec.DeepCopy(), timeout: defaultTimeout, options: o}
	if spec.TimeoutSeconds != nil {
		w.timeout = time.Duration(*spec.TimeoutSeconds) * time.Second
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if bundle := spec.ClientConfig.CABundle; len(bundle) > 0 {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(bundle) {
			return nil, errors.New("clientConfig.caBundle: holds no certificate")
		}
	}
	transport := &http.Transport{
		TLSClientConfig: trust, TLSHandshakeTimeout: w.timeout, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
	}
	if service := spec.ClientConfig.Service; service != nil {
		host, port := service.Name+"."+service.Namespace+".svc", ptr.Deref(service.Port, defaultPort)
		trust.ServerName = host
		target := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(int(port))), Path: "/" + strings.TrimPrefix(ptr.Deref(service.Path, ""), "/")}
		w.url = target.String()
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			address, err := o.Resolve(ctx, service.Namespace, service.Name, port)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	} else {
		w.url = ptr.Deref(spec.ClientConfig.URL, "")
	}
	w.client = &http.Client{
		Transport: transport,
		// an answer comes from the one that was asked
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// is says whether the webhook is still what a configuration asks for.
func (w *webhook) is(spec *configv1alpha1.ResourceInterpreterWebhook) bool {
	return equality.Semantic.DeepEqual(&w.spec, spec)
}

// wants says whether a rule of the webhook matches.
func (w *webhook) wants(kind schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation) bool {
	return slices.ContainsFunc(w.spec.Rules, func(r configv1alpha1.RuleWithOperations) bool {
		return contains(r.Operations, operation) && contains(r.APIGroups, kind.Group) && contains(r.APIVersions, kind.Version) && contains(r.Kinds, kind.Kind)
	})
}

func contains[S ~string](list []S, item S) bool {
	return slices.Contains(list, item) || slices.Contains(list, "*")
}

// errPaused is returned without a call. Its text is the same for as long as the webhook is silent.
type errPaused struct{ wait time.Duration }

func (e errPaused) Error() string {
	return fmt.Sprintf("did not answer %d times in a row; it is asked again now and then, after %s at most", breakAfter, lastPause)
}

// silence is an interpret.ErrUnanswered with a reason of its own.
type silence struct{ error }

func (s silence) Unwrap() error      { return s.error }
func (silence) Is(target error) bool { return target == interpret.ErrUnanswered }

// ask posts a question and returns the answer to it. Errors name the webhook, never where it is or what
// was said: both may hold secrets.
func (w *webhook) ask(request *configv1alpha1.ResourceInterpreterRequest) (*configv1alpha1.ResourceInterpreterResponse, error) {
	if ok, wait := w.breaker.allow(w.options.Clock.Now()); !ok {
		return nil, w.failed(silence{errPaused{wait}})
	}
	body, answered, err := w.post(request)
	w.breaker.record(w.options.Clock.Now(), answered)
	if err != nil && !answered {
		err = silence{err}
	}
	if err != nil {
		return nil, w.failed(err)
	}
	var review configv1alpha1.ResourceInterpreterContext
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, w.failed(errors.New("the answer is not a ResourceInterpreterContext"))
	}
	response := review.Response
	switch {
	case response == nil:
		return nil, w.failed(errors.New("the answer has no response"))
	case response.UID != request.UID:
		return nil, w.failed(errors.New("the answer is to another question: response.uid is not that of the request"))
	case !response.Successful && response.Status == nil:
		return nil, w.failed(errors.New("the answer is not successful and has no response.status to say why"))
	case !response.Successful:
		return nil, w.failed(fmt.Errorf("%s (code %d)", clip(response.Status.Message), response.Status.Code))
	}
	return response, nil
}

func (w *webhook) failed(err error) error {
	return fmt.Errorf("interpreter webhook %s: %w", w.spec.Name, err)
}

// post returns the body of an answer. answered is false when there was none or the server failed.
func (w *webhook) post(request *configv1alpha1.ResourceInterpreterRequest) (body []byte, answered bool, err error) {
	review := configv1alpha1.ResourceInterpreterContext{Request: request}
	review.SetGroupVersionKind(configv1alpha1.GroupVersion.WithKind("ResourceInterpreterContext"))
	data, err := json.Marshal(&review)
	if err != nil {
		return nil, true, errors.New("the question can not be written as JSON")
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(data))
	if err != nil {
		return nil, true, errors.New("its URL can not be used")
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json")
	response, err := w.client.Do(post)
	if err != nil {
		return nil, false, unanswered(err, w.timeout)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, longestAnswer+1))
	switch {
	case err != nil:
		return nil, false, unanswered(err, w.timeout)
	case response.StatusCode != http.StatusOK:
		return nil, response.StatusCode < http.StatusInternalServerError, fmt.Errorf("answers with HTTP status %d", response.StatusCode)
	case len(body) > longestAnswer:
		return nil, true, fmt.Errorf("the answer is longer than %d bytes", longestAnswer)
	}
	return body, true, nil
}

// unanswered is the error of a request: see hub.Cause.
func unanswered(err error, timeout time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", timeout)
	}
	return hub.Cause(err)
}

func clip(s string) string {
	const most = 512
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}
