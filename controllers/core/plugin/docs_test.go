package plugin

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation/traffic"
)

// The examples of the documentation work: their expressions compile and judge any cluster.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	expressions := 0
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var p trafficv1alpha1.PlacementPlugin
		if err := yaml.UnmarshalStrict([]byte(block), &p); err != nil {
			// the certificate of the endpoint is shortened
			if !strings.Contains(block, "caBundle") {
				t.Errorf("%v in\n%s", err, block)
			}
			continue
		}
		traffic.DefaultPlacementPlugin(&p)
		if errs := Validate(&p); len(errs) > 0 {
			t.Errorf("%v in\n%s", errs, block)
			continue
		}
		expressions++
		program, errs := Compile(p.Spec.CEL, field.NewPath("spec", "cel"))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if _, err := program.Evaluate(NewBinding(web()), views(t, fra(), iad()), never); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
	if expressions != 3 {
		t.Errorf("%d examples with expressions found", expressions)
	}
}
