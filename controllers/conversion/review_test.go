package conversion

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const (
	web1 = `{apiVersion: work.karmada.io/v1alpha1, kind: ResourceBinding,
		metadata: {namespace: shop, name: web-deployment, uid: u1, resourceVersion: "41", generation: 3, creationTimestamp: "2026-05-01T12:00:00Z", labels: {resourcebinding.karmada.io/permanent-id: rb-1}},
		spec: {resource: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web, replicas: 5, resourcePerReplicas: {cpu: 250m, memory: 128Mi}},
			clusters: [{name: fra, replicas: 3}, {name: iad, replicas: 2}]},
		status: {conditions: [{type: Scheduled, status: "True", reason: Success, message: "", lastTransitionTime: "2026-05-01T12:00:01Z"}],
			aggregatedStatus: [{clusterName: fra, applied: true, status: {replicas: 3}}, {clusterName: iad, appliedMessage: no such namespace}]}}`
	web2 = `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding,
		metadata: {namespace: shop, name: web-deployment, uid: u1, resourceVersion: "41", generation: 3, creationTimestamp: "2026-05-01T12:00:00Z", labels: {resourcebinding.karmada.io/permanent-id: rb-1}},
		spec: {resource: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}, replicas: 5, replicaRequirements: {resourceRequest: {cpu: 250m, memory: 128Mi}},
			clusters: [{name: fra, replicas: 3}, {name: iad, replicas: 2}]},
		status: {conditions: [{type: Scheduled, status: "True", reason: Success, message: "", lastTransitionTime: "2026-05-01T12:00:01Z"}],
			aggregatedStatus: [{clusterName: fra, applied: true, status: {replicas: 3}}, {clusterName: iad, appliedMessage: no such namespace}]}}`
	role1 = `{apiVersion: work.karmada.io/v1alpha1, kind: ClusterResourceBinding, metadata: {name: viewer-clusterrole, creationTimestamp: null},
		spec: {resource: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: viewer}, clusters: [{name: fra}]}, status: {}}`
	role2 = `{apiVersion: work.karmada.io/v1alpha2, kind: ClusterResourceBinding, metadata: {name: viewer-clusterrole, creationTimestamp: null},
		spec: {resource: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: viewer}, clusters: [{name: fra}]}, status: {}}`
)

func raw(t testing.TB, text string) []byte {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// question is a review as the API server sends it.
func question(t testing.TB, to string, objects ...string) *apiextensionsv1.ConversionReview {
	review := &apiextensionsv1.ConversionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "ConversionReview"},
		Request:  &apiextensionsv1.ConversionRequest{UID: "q1", DesiredAPIVersion: to},
	}
	for _, text := range objects {
		review.Request.Objects = append(review.Request.Objects, runtime.RawExtension{Raw: raw(t, text)})
	}
	return review
}

func decoded(t testing.TB, data []byte) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	// what is not known yet is written as null by some and left out by others
	if metadata, ok := out["metadata"].(map[string]any); ok && metadata["creationTimestamp"] == nil {
		delete(metadata, "creationTimestamp")
	}
	return out
}

func TestReview(t *testing.T) {
	for name, tc := range map[string]struct {
		to            string
		objects, want []string
	}{
		"an old client writes":                  {"work.karmada.io/v1alpha2", []string{web1}, []string{web2}},
		"an old client reads":                   {"work.karmada.io/v1alpha1", []string{web2}, []string{web1}},
		"an old client lists, in order":         {"work.karmada.io/v1alpha1", []string{role2, web2, role2}, []string{role1, web1, role1}},
		"what has the version already is as is": {"work.karmada.io/v1alpha2", []string{web2, role1}, []string{web2, role2}},
		"a list of nothing":                     {"work.karmada.io/v1alpha1", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer := Review(question(t, tc.to, tc.objects...))
			if answer.APIVersion != "apiextensions.k8s.io/v1" || answer.Kind != "ConversionReview" || answer.Request != nil ||
				answer.Response.UID != "q1" || answer.Response.Result.Status != metav1.StatusSuccess {
				t.Fatalf("answer %+v, %+v", answer, answer.Response)
			}
			if got, want := len(answer.Response.ConvertedObjects), len(tc.want); got != want {
				t.Fatalf("%d objects, want %d", got, want)
			}
			for i, want := range tc.want {
				if diff := cmp.Diff(decoded(t, raw(t, want)), decoded(t, answer.Response.ConvertedObjects[i].Raw)); diff != "" {
					t.Errorf("object %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestReviewRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ to, object, says string }{
		"a version that is not":             {"work.karmada.io/v1", web1, "no bindings in version work.karmada.io/v1"},
		"a version that is none":            {"work/karmada/io", web1, "desiredAPIVersion"},
		"a Work, which has one version":     {"work.karmada.io/v1alpha2", `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: karmada-es-fra, name: w}}`, "Work karmada-es-fra/w: *v1alpha1.Work is not a binding"},
		"a kind that is somebody else's":    {"work.karmada.io/v1alpha2", `{apiVersion: v1, kind: Secret, metadata: {name: s}}`, "want a binding of"},
		"nothing":                           {"work.karmada.io/v1alpha2", `null`, "want a binding of"},
		"text":                              {"work.karmada.io/v1alpha2", `"ResourceBinding"`, "objects[0]: must be an object"},
		"a spec that is text":               {"work.karmada.io/v1alpha2", `{apiVersion: work.karmada.io/v1alpha1, kind: ResourceBinding, metadata: {namespace: shop, name: b}, spec: web}`, "ResourceBinding shop/b"},
		"a quantity that can not be parsed": {"work.karmada.io/v1alpha2", `{apiVersion: work.karmada.io/v1alpha1, kind: ResourceBinding, metadata: {name: b}, spec: {resource: {resourcePerReplicas: {cpu: a lot}}}}`, "quantities must match"},
	} {
		t.Run(name, func(t *testing.T) {
			response := Review(question(t, tc.to, tc.object)).Response
			if response.UID != "q1" || response.Result.Status != metav1.StatusFailure || response.ConvertedObjects != nil || !strings.Contains(response.Result.Message, tc.says) {
				t.Errorf("response %+v, want a failure that says %q", response, tc.says)
			}
		})
	}
}

func FuzzReview(f *testing.F) {
	for _, text := range []string{web1, web2, role1, role2, `null`, `{kind: 3}`} {
		f.Add(raw(f, text), true)
		f.Add(raw(f, text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, old bool) {
		review := question(t, "work.karmada.io/v1alpha2")
		if old {
			review.Request.DesiredAPIVersion = "work.karmada.io/v1alpha1"
		}
		review.Request.Objects = []runtime.RawExtension{{Raw: data}}
		response := Review(review).Response
		if response.Result.Status == metav1.StatusSuccess && (len(response.ConvertedObjects) != 1 || !json.Valid(response.ConvertedObjects[0].Raw)) {
			t.Errorf("%+v", response)
		}
	})
}

func TestHandler(t *testing.T) {
	asked, err := json.Marshal(question(t, "work.karmada.io/v1alpha2", web1))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		method, body string
		status       int
		says         string
	}{
		"a review":                   {http.MethodPost, string(asked), http.StatusOK, `"uid":"q1"`},
		"a review that fails":        {http.MethodPost, strings.ReplaceAll(string(asked), "ResourceBinding", "Marmalade"), http.StatusOK, `"status":"Failure"`},
		"somebody who looks":         {http.MethodGet, "", http.StatusMethodNotAllowed, "POST a ConversionReview"},
		"no JSON":                    {http.MethodPost, "{", http.StatusBadRequest, "must be a ConversionReview"},
		"an admission review":        {http.MethodPost, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, http.StatusBadRequest, "got AdmissionReview of admission.k8s.io/v1"},
		"a review without a request": {http.MethodPost, `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview"}`, http.StatusBadRequest, "request: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			Handler().ServeHTTP(w, httptest.NewRequest(tc.method, Path, strings.NewReader(tc.body)))
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("%d %s, want %d and %q", w.Code, w.Body, tc.status, tc.says)
			}
		})
	}
	t.Run("more than fits", func(t *testing.T) {
		w := httptest.NewRecorder()
		endless := io.MultiReader(strings.NewReader(`{"kind":"`), io.LimitReader(zeroes{}, maxBytes+1))
		Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, endless))
		if w.Code != http.StatusRequestEntityTooLarge || !bytes.Contains(w.Body.Bytes(), []byte("list in pages")) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// zeroes is a text without an end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}
