package traffic

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func bundle(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestValidatePlacementPlugin(t *testing.T) {
	http := func(edit func(*v1.HTTPPlugin)) func(*v1.PlacementPluginSpec) {
		return func(s *v1.PlacementPluginSpec) {
			s.CEL, s.HTTP = nil, &v1.HTTPPlugin{URL: "https://scores.example.com/place?by=carbon"}
			edit(s.HTTP)
		}
	}
	url := func(url string) func(*v1.PlacementPluginSpec) {
		return http(func(h *v1.HTTPPlugin) { h.URL = url })
	}
	badURL := []string{"FieldValueInvalid spec.http.url"}
	for name, tc := range map[string]struct {
		edit func(*v1.PlacementPluginSpec)
		want []string
	}{
		"the defaults are valid": {func(*v1.PlacementPluginSpec) {}, nil},
		"only a score":           {func(s *v1.PlacementPluginSpec) { s.CEL = &v1.CELPlugin{Score: "1"} }, nil},
		"neither":                {func(s *v1.PlacementPluginSpec) { s.CEL = nil }, []string{"FieldValueRequired spec"}},
		"both":                   {func(s *v1.PlacementPluginSpec) { s.HTTP = &v1.HTTPPlugin{URL: "https://a.example"} }, []string{"FieldValueRequired spec"}},
		"no expression":          {func(s *v1.PlacementPluginSpec) { s.CEL = &v1.CELPlugin{} }, []string{"FieldValueRequired spec.cel"}},
		"a reason for nothing":   {func(s *v1.PlacementPluginSpec) { s.CEL = &v1.CELPlugin{Score: "1", Reason: "'x'"} }, []string{"FieldValueForbidden spec.cel.reason"}},
		"weights":                {func(s *v1.PlacementPluginSpec) { s.Weight = ptr.To[int32](0) }, []string{"FieldValueInvalid spec.weight"}},
		"a huge weight":          {func(s *v1.PlacementPluginSpec) { s.Weight = ptr.To[int32](1001) }, []string{"FieldValueInvalid spec.weight"}},
		"a long timeout":         {func(s *v1.PlacementPluginSpec) { s.Timeout = duration(201 * time.Millisecond) }, []string{"FieldValueInvalid spec.timeout"}},
		"no timeout":             {func(s *v1.PlacementPluginSpec) { s.Timeout = duration(0) }, []string{"FieldValueInvalid spec.timeout"}},
		"selectors": {func(s *v1.PlacementPluginSpec) {
			s.ResourceSelectors = []policyv1alpha1.ResourceSelector{
				{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, {},
				{APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: &metav1.LabelSelector{}},
			}
		}, []string{"FieldValueRequired spec.resourceSelectors[1].apiVersion", "FieldValueRequired spec.resourceSelectors[1].kind",
			"FieldValueForbidden spec.resourceSelectors[2].labelSelector"}},
		"https":                    {url("https://scores.example.com/place?by=carbon"), nil},
		"http to this machine":     {url("http://127.0.0.1:9000/"), nil},
		"http to this machine, v6": {url("http://[::1]:9000/"), nil},
		"http to another":          {url("http://10.0.0.1/"), badURL},
		"http to a name":           {url("http://localhost:9000/"), badURL},
		"another scheme":           {url("file:///etc/passwd"), badURL},
		"no scheme":                {url("scores.example.com"), badURL},
		"no host":                  {url("https://:443/"), badURL},
		"opaque":                   {url("https:scores"), badURL},
		"nothing":                  {url(""), badURL},
		"a control character":      {url("https://a.example/\x7f"), badURL},
		"a fragment":               {url("https://a.example/#x"), badURL},
		"an authority":             {http(func(h *v1.HTTPPlugin) { h.CABundle = bundle(t) }), nil},
		"no authority":             {http(func(h *v1.HTTPPlugin) { h.CABundle = []byte("PEM") }), []string{"FieldValueInvalid spec.http.caBundle"}},
		"a token":                  {http(func(h *v1.HTTPPlugin) { h.TokenSecretRef = &v1.SecretKeyRef{Name: "scores"} }), nil},
		"a token of no Secret": {http(func(h *v1.HTTPPlugin) { h.TokenSecretRef = &v1.SecretKeyRef{Name: "../scores", Key: "a/b"} }),
			[]string{"FieldValueInvalid spec.http.tokenSecretRef.name", "FieldValueInvalid spec.http.tokenSecretRef.key"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1.PlacementPlugin{Spec: v1.PlacementPluginSpec{CEL: &v1.CELPlugin{Filter: "true", Reason: "'x'"}}}
			tc.edit(&p.Spec)
			DefaultPlacementPlugin(p)
			if diff := cmp.Diff(tc.want, found(ValidatePlacementPlugin(p))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPasswordIsNotRepeated(t *testing.T) {
	for _, url := range []string{"https://me:secret@a.example/", "http://me:secret@a.example:port/", "ftp://me:secret@x"} {
		p := &v1.PlacementPlugin{Spec: v1.PlacementPluginSpec{HTTP: &v1.HTTPPlugin{URL: url}}}
		DefaultPlacementPlugin(p)
		errs := ValidatePlacementPlugin(p)
		if len(errs) != 1 || strings.Contains(errs.ToAggregate().Error(), "secret") {
			t.Errorf("%v", errs)
		}
	}
}

func TestDefaultsOfAPlacementPlugin(t *testing.T) {
	p := &v1.PlacementPlugin{Spec: v1.PlacementPluginSpec{HTTP: &v1.HTTPPlugin{TokenSecretRef: &v1.SecretKeyRef{Name: "scores"}}}}
	DefaultPlacementPlugin(p)
	want := v1.PlacementPluginSpec{Weight: ptr.To[int32](1), Timeout: duration(200 * time.Millisecond),
		HTTP: &v1.HTTPPlugin{TokenSecretRef: &v1.SecretKeyRef{Name: "scores", Key: "token"}}}
	if diff := cmp.Diff(want, p.Spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
