package interpreter

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

var fleet = schema.GroupVersionKind{Group: "example.io", Version: "v1", Kind: "Fleet"}

// world is a hub with what the layers see of it.
type world struct {
	client   client.Client
	events   *record.FakeRecorder
	clock    *clocktesting.FakePassiveClock
	changed  []schema.GroupVersionKind
	scripts  *customizations
	webhooks *configurations
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{
		client: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).Build(),
		events: record.NewFakeRecorder(100),
		clock:  clocktesting.NewFakePassiveClock(time.Unix(1e9, 0)),
	}
	o := Options{Clock: w.clock, Changed: func(kind schema.GroupVersionKind) { w.changed = append(w.changed, kind) }}.withDefaults(w.client)
	w.scripts = &customizations{client: w.client, recorder: w.events, options: o}
	w.webhooks = &configurations{client: w.client, recorder: w.events, options: o}
	w.reconcile(t)
	return w
}

func (w *world) reconcile(t *testing.T) {
	t.Helper()
	w.changed = nil
	if _, err := w.scripts.Reconcile(context.Background(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.webhooks.Reconcile(context.Background(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) interpreter() *interpret.Interpreter { return interpret.New(w.scripts, w.webhooks) }

func (w *world) said() []string {
	var out []string
	for {
		select {
		case e := <-w.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func object(kind string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.io/v1", "kind": kind, "metadata": map[string]any{"name": "web", "namespace": "shop"},
		"spec": map[string]any{"replicas": int64(3)}, "status": map[string]any{"ready": int64(9007199254740993)},
	}}
}

func customization(name, script string, age int64) *configv1alpha1.ResourceInterpreterCustomization {
	return &configv1alpha1.ResourceInterpreterCustomization{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.Unix(1e9-age, 0)},
		Spec: configv1alpha1.ResourceInterpreterCustomizationSpec{
			Target:         configv1alpha1.CustomizationTarget{APIVersion: "example.io/v1", Kind: "Fleet"},
			Customizations: configv1alpha1.CustomizationRules{HealthInterpretation: &configv1alpha1.HealthInterpretation{LuaScript: script}},
		},
	}
}

func TestCustomizationsComeAndGo(t *testing.T) {
	w := newWorld(t)
	health := func() workv1alpha2.ResourceHealth {
		t.Helper()
		h, err := w.interpreter().Health(object("Fleet"))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if health() != workv1alpha2.ResourceHealthy {
		t.Error("a kind that nobody explains is healthy")
	}
	sick := customization("sick", `function InterpretHealth(o) return o.spec.replicas > 5 end`, 10)
	if err := w.client.Create(t.Context(), sick); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t)
	if diff := cmp.Diff([]schema.GroupVersionKind{fleet}, w.changed); diff != "" || health() != workv1alpha2.ResourceUnhealthy {
		t.Errorf("the script does not count: %s", diff)
	}
	for _, c := range []client.Object{customization("broken", "function (", 20), customization("late", `function InterpretHealth(o) return true end`, 5)} {
		if err := w.client.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	w.reconcile(t)
	want := []string{
		"Warning InvalidScript spec.customizations.healthInterpretation: broken/healthInterpretation:1: syntax error near '('",
		"Warning CustomizationConflict spec.customizations.healthInterpretation: InterpretHealth of example.io/v1, Kind=Fleet is defined by the older customization sick, which counts; remove one of the two",
	}
	if diff := cmp.Diff(want, w.said()); diff != "" {
		t.Error(diff)
	}
	if len(w.changed) != 0 || health() != workv1alpha2.ResourceUnhealthy {
		t.Errorf("wrong scripts changed %v", w.changed)
	}
	w.reconcile(t)
	if said := w.said(); len(said) != 0 {
		t.Errorf("said again: %v", said)
	}
	if err := w.client.Delete(t.Context(), sick); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t)
	if len(w.changed) != 1 || health() != workv1alpha2.ResourceHealthy {
		t.Errorf("the younger script does not take over: %v", w.changed)
	}
}

// server is an interpreter webhook.
type server struct {
	*httptest.Server
	asked  atomic.Int32
	answer func(*configv1alpha1.ResourceInterpreterRequest) any
}

func serve(t *testing.T, answer func(*configv1alpha1.ResourceInterpreterRequest) any) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		var review configv1alpha1.ResourceInterpreterContext
		if err := json.Unmarshal(body, &review); err != nil || review.APIVersion != "config.karmada.io/v1alpha1" || review.Kind != "ResourceInterpreterContext" || r.Method != http.MethodPost {
			t.Errorf("asked %s %s: %v", r.Method, body, err)
		}
		switch a := s.answer(review.Request).(type) {
		case int:
			rw.WriteHeader(a)
		case string:
			_, _ = io.WriteString(rw, a)
		case *configv1alpha1.ResourceInterpreterResponse:
			a.UID = review.Request.UID
			_ = json.NewEncoder(rw).Encode(configv1alpha1.ResourceInterpreterContext{Response: a})
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are part of the tests
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func configuration(uid string, s *server, operations ...configv1alpha1.InterpreterOperation) *configv1alpha1.ResourceInterpreterWebhookConfiguration {
	return &configv1alpha1.ResourceInterpreterWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "c-" + uid, UID: types.UID(uid)},
		Webhooks: []configv1alpha1.ResourceInterpreterWebhook{{
			Name:                       "w" + uid + ".example.com",
			ClientConfig:               admissionregistrationv1.WebhookClientConfig{URL: ptr.To(s.URL + "/secret-path"), CABundle: s.ca()},
			InterpreterContextVersions: []string{"v1", "v1alpha1"},
			Rules: []configv1alpha1.RuleWithOperations{{
				Operations: operations,
				Rule:       configv1alpha1.Rule{APIGroups: []string{"example.io"}, APIVersions: []string{"*"}, Kinds: []string{"Fleet"}},
			}},
		}},
	}
}

func patch(text string) *configv1alpha1.ResourceInterpreterResponse {
	return &configv1alpha1.ResourceInterpreterResponse{Successful: true, Patch: []byte(text), PatchType: ptr.To(configv1alpha1.PatchTypeJSONPatch)}
}

func TestWebhookAnswersEverything(t *testing.T) {
	s := serve(t, func(r *configv1alpha1.ResourceInterpreterRequest) any {
		if r.Name != "web" || r.Namespace != "shop" || r.Kind != (metav1.GroupVersionKind{Group: "example.io", Version: "v1", Kind: "Fleet"}) || !strings.Contains(string(r.Object.Raw), `"replicas":3`) {
			t.Errorf("asked %+v", r)
		}
		ok := &configv1alpha1.ResourceInterpreterResponse{Successful: true}
		switch r.Operation {
		case configv1alpha1.InterpreterOperationInterpretReplica:
			ok.Replicas, ok.ReplicaRequirements = ptr.To[int32](4), &workv1alpha2.ReplicaRequirements{PriorityClassName: "high"}
		case configv1alpha1.InterpreterOperationInterpretComponent:
			ok.Components = []workv1alpha2.Component{{Name: "main", Replicas: 2}}
		case configv1alpha1.InterpreterOperationReviseReplica:
			if *r.DesiredReplicas != 7 {
				t.Errorf("asked for %d replicas", *r.DesiredReplicas)
			}
			return patch(`[{"op":"replace","path":"/spec/replicas","value":7}]`)
		case configv1alpha1.InterpreterOperationRetain:
			if !strings.Contains(string(r.ObservedObject.Raw), "Fleet") {
				t.Error("no observed object")
			}
			return ok // no patch is no change
		case configv1alpha1.InterpreterOperationAggregateStatus:
			return patch(`[{"op":"replace","path":"/status","value":{"clusters":` + string(rune('0'+len(r.AggregatedStatus))) + `}},{"op":"add","path":"/spec/evil","value":true}]`)
		case configv1alpha1.InterpreterOperationInterpretStatus:
			ok.RawStatus = &runtime.RawExtension{Raw: []byte(`{"b":1,"a":null,"c":{"d":9007199254740993}}`)}
		case configv1alpha1.InterpreterOperationInterpretHealth:
			ok.Healthy = ptr.To(false)
		case configv1alpha1.InterpreterOperationInterpretDependency:
			ok.Dependencies = []configv1alpha1.DependentObjectReference{{APIVersion: "v1", Kind: "Secret", Namespace: "shop", Name: "b"}, {APIVersion: "v1", Kind: "Secret", Namespace: "shop", Name: "a"}}
		}
		return ok
	})
	w := newWorld(t, configuration("1", s, "*"))
	i, obj := w.interpreter(), object("Fleet")

	if replicas, requirements, err := i.Replicas(obj); err != nil || replicas != 4 || requirements.PriorityClassName != "high" {
		t.Errorf("replicas %d %v %v", replicas, requirements, err)
	}
	if components, err := i.Components(obj); err != nil || len(components) != 1 {
		t.Errorf("components %v %v", components, err)
	}
	revised, err := i.ReviseReplica(obj, 7)
	want := object("Fleet")
	want.Object["spec"].(map[string]any)["replicas"] = int64(7)
	if diff := cmp.Diff(want, revised); err != nil || diff != "" {
		t.Errorf("revise: %s %v", diff, err)
	}
	if retained, err := i.Retain(obj, obj); err != nil || retained != obj {
		t.Errorf("retain: %v", err)
	}
	aggregated, err := i.AggregateStatus(obj, make([]workv1alpha2.AggregatedStatusItem, 2))
	want = object("Fleet")
	want.Object["status"] = map[string]any{"clusters": int64(2)}
	if diff := cmp.Diff(want, aggregated); err != nil || diff != "" {
		t.Errorf("aggregate: %s %v", diff, err)
	}
	if status, err := i.Status(obj); err != nil || string(status.Raw) != `{"b":1,"c":{"d":9007199254740993}}` {
		t.Errorf("status %s %v", status.Raw, err)
	}
	if health, err := i.Health(obj); err != nil || health != workv1alpha2.ResourceUnhealthy {
		t.Errorf("health %s %v", health, err)
	}
	if dependencies, err := i.Dependencies(obj); err != nil || len(dependencies) != 2 || dependencies[0].Name != "a" {
		t.Errorf("dependencies %v %v", dependencies, err)
	}
	if i.Handles(schema.GroupVersionKind{Group: "example.io", Version: "v1", Kind: "Other"}, configv1alpha1.InterpreterOperationInterpretHealth) {
		t.Error("the webhook answers for a kind that its rules leave out")
	}
}

func TestWrongAnswersOfAWebhook(t *testing.T) {
	for name, test := range map[string]struct {
		answer any
		want   string
	}{
		"no JSON":                 {"<html>", "the answer is not a ResourceInterpreterContext"},
		"no response":             {"{}", "the answer has no response"},
		"another question's":      {`{"response":{"uid":"x","successful":true}}`, "the answer is to another question"},
		"not found":               {404, "answers with HTTP status 404"},
		"a redirect":              {302, "answers with HTTP status 302"},
		"unsuccessful":            {&configv1alpha1.ResourceInterpreterResponse{Status: &configv1alpha1.RequestStatus{Message: "no idea", Code: 400}}, "no idea (code 400)"},
		"unsuccessful, no reason": {&configv1alpha1.ResourceInterpreterResponse{}, "has no response.status"},
		"no patch type":           {&configv1alpha1.ResourceInterpreterResponse{Successful: true, Patch: []byte("[]")}, "response.patchType: must be JSONPatch"},
		"no patch":                {&configv1alpha1.ResourceInterpreterResponse{Successful: true, PatchType: ptr.To(configv1alpha1.PatchTypeJSONPatch)}, "response.patch: is empty"},
		"not a patch":             {patch("{"), "response.patch: is not a JSON patch"},
		"a patch of nothing":      {patch(`[{"op":"remove","path":"/spec/nothing/there"}]`), "response.patch: does not apply"},
		"another name":            {patch(`[{"op":"replace","path":"/metadata/name","value":"x"}]`), "metadata.name: was changed"},
		"another kind":            {patch(`[{"op":"replace","path":"/kind","value":"ClusterRole"}]`), "kind: was changed"},
		"another object":          {patch(`[{"op":"replace","path":"","value":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}}]`), "was changed"},
		"an owner":                {patch(`[{"op":"add","path":"/metadata/labels","value":{"karmada.io/managed":"true"}}]`), "says whose the object is"},
		"a patch that multiplies": {patch(`[{"op":"add","path":"/spec/a","value":"` + strings.Repeat("x", 1<<20) + `"}` + strings.Repeat(`,{"op":"copy","from":"/spec/a","path":"/spec/b"}`, 9) + `]`), "response.patch: does not apply"},
		"too long":                {strings.Repeat(" ", longestAnswer+1), "the answer is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any { return test.answer })
			w := newWorld(t, configuration("1", s, configv1alpha1.InterpreterOperationReviseReplica))
			_, err := w.interpreter().ReviseReplica(object("Fleet"), 1)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "webhook w1.example.com") {
				t.Errorf("want %q, have %v", test.want, err)
			}
			if strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("the error tells where the webhook is: %v", err)
			}
		})
	}
}

// What a webhook's silence is called ends in conditions: the same at each try, or each would be a write; and
// not an error of the network, which would be taken for one of the way to a member.
func TestTheSilenceOfAWebhookHasOneName(t *testing.T) {
	for name, answer := range map[string]any{
		"nobody listens":             nil,
		"it fails":                   503,
		"it answers something else":  `{"response":{"uid":"x","successful":true}}`,
		"it hangs up":                -1,
		"it answers what is no JSON": "<html>",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any {
				if answer == -1 {
					panic(http.ErrAbortHandler)
				}
				return answer
			})
			c := configuration("1", s, "*")
			if answer == nil {
				c.Webhooks[0].ClientConfig.URL = ptr.To("https://127.0.0.1:1/secret-path")
			}
			w := newWorld(t, c)
			said := map[string]bool{}
			for range 2 * breakAfter {
				_, err := w.interpreter().Health(object("Fleet"))
				if err == nil {
					t.Fatal("an answer")
				}
				if network := net.Error(nil); errors.As(err, &network) {
					t.Errorf("%v is an error of the network", err)
				}
				said[err.Error()] = true
				if _, odd := answer.(string); errors.Is(err, interpret.ErrUnanswered) == odd {
					t.Errorf("worth asking again: %v", err)
				}
				w.clock.SetTime(w.clock.Now().Add(time.Second))
			}
			if len(said) > 2 { // what it does, and that it is left alone
				t.Errorf("%d texts: %v", len(said), said)
			}
		})
	}
}

func TestADeadWebhookIsLeftAlone(t *testing.T) {
	s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any { return 503 })
	w := newWorld(t, configuration("1", s, "*"))
	ask := func() error { _, err := w.interpreter().Health(object("Fleet")); return err }
	for range 10 {
		if ask() == nil {
			t.Fatal("an answer of a dead webhook")
		}
	}
	if s.asked.Load() != breakAfter {
		t.Errorf("asked %d times", s.asked.Load())
	}
	var paused errPaused
	if !errors.As(ask(), &paused) || paused.wait != firstPause {
		t.Errorf("have %v", ask())
	}
	w.clock.SetTime(w.clock.Now().Add(firstPause))
	_, _ = ask(), ask()
	if s.asked.Load() != breakAfter+1 {
		t.Errorf("asked %d times after the pause", s.asked.Load())
	}
	if !errors.As(ask(), &paused) || paused.wait != 2*firstPause {
		t.Errorf("the second pause is not twice the first: %v", paused.wait)
	}
	w.reconcile(t)
	if !errors.As(ask(), &paused) {
		t.Error("a webhook that has not changed is asked at once after a reconcile")
	}
	s.answer = func(*configv1alpha1.ResourceInterpreterRequest) any {
		return &configv1alpha1.ResourceInterpreterResponse{Successful: true, Healthy: ptr.To(true)}
	}
	w.clock.SetTime(w.clock.Now().Add(2 * firstPause))
	for range 5 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheFirstMatchingWebhookIsAsked(t *testing.T) {
	answers := func(replicas int32) *server {
		return serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any {
			return &configv1alpha1.ResourceInterpreterResponse{Successful: true, Replicas: &replicas, Healthy: ptr.To(false)}
		})
	}
	first := configuration("1", answers(1), configv1alpha1.InterpreterOperationInterpretHealth)
	second := configuration("2", answers(2), configv1alpha1.InterpreterOperationInterpretReplica)
	third := configuration("3", answers(3), "*")
	w := newWorld(t, third, second, first)
	replicas := func() int32 {
		n, _, err := w.interpreter().Replicas(object("Fleet"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := replicas(); n != 2 {
		t.Errorf("webhook %d was asked", n)
	}
	if err := w.client.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t)
	if diff := cmp.Diff([]schema.GroupVersionKind{fleet}, w.changed); diff != "" || replicas() != 3 {
		t.Errorf("with the second gone the third is asked: %s", diff)
	}
	w.reconcile(t)
	if len(w.changed) != 0 {
		t.Errorf("nothing has changed but %v", w.changed)
	}
	if err := w.client.Create(t.Context(), customization("script", `function InterpretHealth(o) return true end`, 1)); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t)
	if health, err := w.interpreter().Health(object("Fleet")); err != nil || health != workv1alpha2.ResourceHealthy {
		t.Errorf("a script comes before a webhook: %s %v", health, err)
	}
}

func TestWebhooksThatCanNotBeCalledAreReported(t *testing.T) {
	s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any {
		return &configv1alpha1.ResourceInterpreterResponse{Successful: true, Healthy: ptr.To(false)}
	})
	bad := configuration("1", s, "*")
	bad.Webhooks[0].ClientConfig.CABundle = []byte("nothing")
	plain := configuration("2", s, "*")
	plain.Webhooks[0].ClientConfig.URL = ptr.To("http://user:password@example.com")
	good := configuration("3", s, "*")
	w := newWorld(t, bad, plain, good)
	want := []string{
		"Warning InvalidWebhook webhook w1.example.com: clientConfig.caBundle: holds no certificate",
		"Warning InvalidWebhook webhook w2.example.com: clientConfig.url: Invalid value: must begin with https://",
	}
	if diff := cmp.Diff(want, w.said()); diff != "" {
		t.Error(diff)
	}
	if health, err := w.interpreter().Health(object("Fleet")); err != nil || health != workv1alpha2.ResourceUnhealthy {
		t.Errorf("the good webhook is not asked: %s %v", health, err)
	}
}

func TestAStrangerIsNotTrusted(t *testing.T) {
	s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any { return "{}" })
	c := configuration("1", s, "*")
	c.Webhooks[0].ClientConfig.CABundle = nil
	w := newWorld(t, c)
	if _, err := w.interpreter().Health(object("Fleet")); err == nil || !strings.Contains(err.Error(), "certificate") || s.asked.Load() != 0 {
		t.Errorf("have %v", err)
	}
}

func TestAWebhookBehindAService(t *testing.T) {
	s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any {
		return &configv1alpha1.ResourceInterpreterResponse{Successful: true, Healthy: ptr.To(false)}
	})
	c := configuration("1", s, "*")
	c.Webhooks[0].ClientConfig = admissionregistrationv1.WebhookClientConfig{
		CABundle: s.ca(),
		Service:  &admissionregistrationv1.ServiceReference{Namespace: "tools", Name: "explain", Path: ptr.To("/ask")},
	}
	w := newWorld(t)
	var resolved string
	w.webhooks.options.Resolve = func(_ context.Context, namespace, name string, port int32) (string, error) {
		resolved = namespace + "/" + name
		if port != defaultPort {
			t.Errorf("port %d", port)
		}
		return s.Listener.Addr().String(), nil
	}
	if err := w.client.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t)
	// the certificate of the test server is for example.com, not for explain.tools.svc
	if _, err := w.interpreter().Health(object("Fleet")); err == nil || !strings.Contains(err.Error(), "explain.tools.svc") {
		t.Errorf("a certificate for another host is trusted: %v", err)
	}
	if resolved != "tools/explain" {
		t.Errorf("resolved %q", resolved)
	}
}

func TestServicesOfTheHub(t *testing.T) {
	external := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "out"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "explain.example.com"}}
	internal := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "in"}}
	s := services{newWorld(t, external, internal).client}
	for name, want := range map[string]string{"out": "explain.example.com:443", "in": "in.a.svc:443"} {
		if got, err := s.resolve(t.Context(), "a", name, 443); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := s.resolve(t.Context(), "a", "missing", 443); err == nil {
		t.Error("a Service that is not there has an address")
	}
}

// TestASlowWebhookIsCutOff: the answer comes after the timeout, which is the least there is.
func TestASlowWebhookIsCutOff(t *testing.T) {
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = quiet.Close() }() // it accepts and says nothing
	s := serve(t, func(*configv1alpha1.ResourceInterpreterRequest) any { return "{}" })
	c := configuration("1", s, "*")
	c.Webhooks[0].ClientConfig.URL = ptr.To("https://" + quiet.Addr().String())
	w := newWorld(t, c)
	w.webhooks.webhooks.Load().list[0].timeout = 50 * time.Millisecond
	if _, err := w.interpreter().Health(object("Fleet")); err == nil || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("have %v", err)
	}
}
