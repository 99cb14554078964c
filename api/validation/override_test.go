package validation

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestDefaultOverride(t *testing.T) {
	op := &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"},
		Spec: policyv1alpha1.OverrideSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{deployment}}}
	DefaultOverride(op)
	if got := op.Spec.ResourceSelectors[0].Namespace; got != "shop" {
		t.Errorf("namespace = %q, want the policy's", got)
	}
	cop := &policyv1alpha1.ClusterOverridePolicy{
		Spec: policyv1alpha1.OverrideSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{deployment}}}
	DefaultOverride(cop)
	if got := cop.Spec.ResourceSelectors[0].Namespace; got != "" {
		t.Errorf("namespace = %q, want none", got)
	}
}

func value(s string) policyv1alpha1.JSON { return policyv1alpha1.JSON{Raw: []byte(s)} }

func TestValidateOverriders(t *testing.T) {
	type overriders = policyv1alpha1.Overriders
	plain := func(path string, op policyv1alpha1.OverriderOperator, v policyv1alpha1.JSON) overriders {
		return overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: path, Operator: op, Value: v}}}
	}
	set := func(path string) overriders { return plain(path, "replace", value(`"x"`)) }
	labels := func(key, text string) overriders {
		return overriders{LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: "add", Value: map[string]string{key: text}}}}
	}
	annotations := func(key string) overriders {
		return overriders{AnnotationsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: "add", Value: map[string]string{key: "any value"}}}}
	}
	image := func(path string) overriders {
		return overriders{ImageOverrider: []policyv1alpha1.ImageOverrider{{Component: "Tag", Operator: "replace", Value: "v2",
			Predicate: &policyv1alpha1.ImagePredicate{Path: path}}}}
	}
	text := func(f policyv1alpha1.FieldOverrider) overriders {
		return overriders{FieldOverrider: []policyv1alpha1.FieldOverrider{f}}
	}
	jsonOp := func(path string, op policyv1alpha1.OverriderOperator, v policyv1alpha1.JSON) []policyv1alpha1.JSONPatchOperation {
		return []policyv1alpha1.JSONPatchOperation{{SubPath: path, Operator: op, Value: v}}
	}
	yamlOp := func(path string, op policyv1alpha1.OverriderOperator, v policyv1alpha1.JSON) []policyv1alpha1.YAMLPatchOperation {
		return []policyv1alpha1.YAMLPatchOperation{{SubPath: path, Operator: op, Value: v}}
	}
	none := policyv1alpha1.JSON{}
	const (
		path  = "plaintext[0].path"
		field = "fieldOverrider[0]"
	)
	tests := map[string]struct {
		in   overriders
		want []string
	}{
		"a field of the spec":              {set("/spec/replicas"), nil},
		"an annotation":                    {set("/metadata/annotations/a~1b"), nil},
		"a label of the user's":            {set("/metadata/labels/app"), nil},
		"a name inside the spec":           {set("/spec/template/metadata/name"), nil},
		"a field without a value":          {plain("/spec/replicas", "add", none), []string{"Required plaintext[0].value"}},
		"a field removed":                  {plain("/spec/replicas", "remove", none), nil},
		"a path that is no pointer":        {set("spec/replicas"), []string{"Invalid " + path}},
		"a path with a bad escape":         {set("/metadata/annotations/a~2b"), []string{"Invalid " + path}},
		"the version":                      {set("/apiVersion"), []string{"Forbidden " + path}},
		"the kind":                         {set("/kind"), []string{"Forbidden " + path}},
		"the name":                         {set("/metadata/name"), []string{"Forbidden " + path}},
		"the namespace":                    {set("/metadata/namespace"), []string{"Forbidden " + path}},
		"the uid":                          {plain("/metadata/uid", "remove", none), []string{"Forbidden " + path}},
		"all metadata":                     {set("/metadata"), []string{"Forbidden " + path}},
		"the whole object":                 {set(""), []string{"Forbidden " + path}},
		"the managed label":                {set("/metadata/labels/karmada.io~1managed"), []string{"Forbidden " + path}},
		"a permanent id":                   {plain("/metadata/labels/work.karmada.io~1permanent-id", "remove", none), []string{"Forbidden " + path}},
		"all labels":                       {plain("/metadata/labels", "replace", value(`{"app":"web"}`)), nil},
		"all labels with a permanent id":   {plain("/metadata/labels", "replace", value(`{"work.karmada.io/permanent-id":"x"}`)), []string{"Forbidden plaintext[0].value[work.karmada.io/permanent-id]"}},
		"all labels by what is no map":     {plain("/metadata/labels", "replace", value(`3`)), []string{"Invalid plaintext[0].value"}},
		"a label by path":                  {set("/metadata/labels/app"), nil},
		"a label that is a number":         {plain("/metadata/labels/app", "add", value(`1`)), []string{"Invalid plaintext[0].value"}},
		"a label that is an object":        {plain("/metadata/labels/app", "add", value(`{"a":"b"}`)), []string{"Invalid plaintext[0].value"}},
		"all labels, one of them null":     {plain("/metadata/labels", "add", value(`{"a":null}`)), []string{"Invalid plaintext[0].value"}},
		"all labels removed":               {plain("/metadata/labels", "remove", none), nil},
		"an annotation that is a number":   {plain("/metadata/annotations/a", "add", value(`1`)), []string{"Invalid plaintext[0].value"}},
		"the Work's name":                  {set("/metadata/annotations/work.karmada.io~1name"), []string{"Forbidden " + path}},
		"conflict resolution":              {set("/metadata/annotations/work.karmada.io~1conflict-resolution"), []string{"Forbidden " + path}},
		"the template's uid":               {plain("/metadata/annotations/resourcetemplate.karmada.io~1uid", "remove", none), []string{"Forbidden " + path}},
		"the managed keys":                 {set("/metadata/annotations/resourcetemplate.karmada.io~1managed-labels"), []string{"Forbidden " + path}},
		"a label of the template's use":    {set("/metadata/labels/resourcetemplate.karmada.io~1retain-replicas"), nil},
		"who claimed it":                   {set("/metadata/labels/resourcetemplate.karmada.io~1claimed-by"), []string{"Forbidden " + path}},
		"all annotations with a Work's":    {plain("/metadata/annotations", "replace", value(`{"work.karmada.io/name":"x"}`)), []string{"Forbidden plaintext[0].value[work.karmada.io/name]"}},
		"text in an annotation of a Work":  {text(policyv1alpha1.FieldOverrider{FieldPath: "/metadata/annotations/work.karmada.io~1name", JSON: jsonOp("", "replace", value(`1`))}), []string{"Forbidden " + field + ".fieldPath"}},
		"the binding by overrider":         {annotations("resourcebinding.karmada.io/name"), []string{"Forbidden annotationsOverrider[0].value[resourcebinding.karmada.io/name]"}},
		"the policy by overrider":          {annotations("propagationpolicy.karmada.io/name"), []string{"Forbidden annotationsOverrider[0].value[propagationpolicy.karmada.io/name]"}},
		"an image by path":                 {image("/spec/image"), nil},
		"an image at the name":             {image("/metadata/name"), []string{"Forbidden imageOverrider[0].predicate.path"}},
		"an image at no pointer":           {image("spec.image"), []string{"Invalid imageOverrider[0].predicate.path"}},
		"a label":                          {labels("example.com/tier", "gold"), nil},
		"a label with a bad key":           {labels("a b", "x"), []string{"Invalid labelsOverrider[0].value[a b]"}},
		"a label with a bad value":         {labels("a", "x y"), []string{"Invalid labelsOverrider[0].value[a]"}},
		"the managed label by overrider":   {labels("karmada.io/managed", "false"), []string{"Forbidden labelsOverrider[0].value[karmada.io/managed]"}},
		"a permanent id by overrider":      {labels("propagationpolicy.karmada.io/permanent-id", "x"), []string{"Forbidden labelsOverrider[0].value[propagationpolicy.karmada.io/permanent-id]"}},
		"an annotation by overrider":       {annotations("Example.com/note"), nil},
		"an annotation with a bad key":     {annotations("a b"), []string{"Invalid annotationsOverrider[0].value[a b]"}},
		"text as JSON":                     {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c.json", JSON: jsonOp("/a", "add", value(`1`))}), nil},
		"text as YAML":                     {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c.yaml", YAML: yamlOp("/a", "remove", none)}), nil},
		"text as both":                     {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", JSON: jsonOp("/a", "remove", none), YAML: yamlOp("/a", "remove", none)}), []string{"Forbidden " + field + ".yaml"}},
		"text as neither":                  {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c"}), []string{"Required " + field}},
		"text at the name":                 {text(policyv1alpha1.FieldOverrider{FieldPath: "/metadata/name", JSON: jsonOp("/a", "remove", none)}), []string{"Forbidden " + field + ".fieldPath"}},
		"text at no pointer":               {text(policyv1alpha1.FieldOverrider{FieldPath: "data.c", JSON: jsonOp("/a", "remove", none)}), []string{"Invalid " + field + ".fieldPath"}},
		"inside the text no pointer":       {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", JSON: jsonOp("a", "remove", none)}), []string{"Invalid " + field + ".json[0].subPath"}},
		"inside the text the name is free": {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", YAML: yamlOp("/metadata/name", "replace", value(`"x"`))}), nil},
		"JSON added without a value":       {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", JSON: jsonOp("/a", "add", none)}), []string{"Required " + field + ".json[0].value"}},
		"JSON removed with a value":        {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", JSON: jsonOp("/a", "remove", value(`1`))}), []string{"Forbidden " + field + ".json[0].value"}},
		"YAML replaced without a value":    {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", YAML: yamlOp("/a", "replace", none)}), []string{"Required " + field + ".yaml[0].value"}},
		"YAML removed with a value":        {text(policyv1alpha1.FieldOverrider{FieldPath: "/data/c", YAML: yamlOp("/a", "remove", value(`1`))}), []string{"Forbidden " + field + ".yaml[0].value"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inRule := &policyv1alpha1.ClusterOverridePolicy{Spec: policyv1alpha1.OverrideSpec{
				OverrideRules: []policyv1alpha1.RuleWithCluster{{Overriders: tt.in}}}}
			wantFaults(t, ValidateOverride(inRule), under("spec.overrideRules[0].overriders.", tt.want)...)
			atTop := &policyv1alpha1.ClusterOverridePolicy{Spec: policyv1alpha1.OverrideSpec{Overriders: tt.in}}
			wantFaults(t, ValidateOverride(atTop), under("spec.overriders.", tt.want)...)
		})
	}
}

// under puts a prefix before the field of every fault.
func under(prefix string, faults []string) []string {
	var out []string
	for _, f := range faults {
		out = append(out, strings.Replace(f, " ", " "+prefix, 1))
	}
	return out
}

func TestValidateOverride(t *testing.T) {
	rack := &policyv1alpha1.ClusterAffinity{FieldSelector: &policyv1alpha1.FieldSelector{}}
	rack.FieldSelector.MatchExpressions = append(rack.FieldSelector.MatchExpressions, requirement("rack"))
	rule := []policyv1alpha1.RuleWithCluster{{}}
	role := []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Pod"}, {APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"}}
	at := func(path string) policyv1alpha1.Overriders {
		return policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: path, Operator: "remove"}}}
	}
	labels := policyv1alpha1.Overriders{LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: "add", Value: map[string]string{"a": "b"}}}}
	tests := map[string]struct {
		spec policyv1alpha1.OverrideSpec
		want []string
	}{
		"rules":                     {policyv1alpha1.OverrideSpec{OverrideRules: rule}, nil},
		"the deprecated form":       {policyv1alpha1.OverrideSpec{TargetCluster: &policyv1alpha1.ClusterAffinity{}, Overriders: labels}, nil},
		"rules and a target":        {policyv1alpha1.OverrideSpec{OverrideRules: rule, TargetCluster: &policyv1alpha1.ClusterAffinity{}}, []string{"Forbidden spec.overrideRules"}},
		"rules and overriders":      {policyv1alpha1.OverrideSpec{OverrideRules: rule, Overriders: labels}, []string{"Forbidden spec.overrideRules"}},
		"a bad target":              {policyv1alpha1.OverrideSpec{TargetCluster: rack}, []string{"NotSupported spec.targetCluster.fieldSelector.matchExpressions[0].key"}},
		"a bad target of a rule":    {policyv1alpha1.OverrideSpec{OverrideRules: []policyv1alpha1.RuleWithCluster{{TargetCluster: rack}}}, []string{"NotSupported spec.overrideRules[0].targetCluster.fieldSelector.matchExpressions[0].key"}},
		"templates from elsewhere":  {policyv1alpha1.OverrideSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Pod", Namespace: "other"}}}, []string{"Invalid spec.resourceSelectors[0].namespace"}},
		"a label of a role":         {policyv1alpha1.OverrideSpec{ResourceSelectors: role, Overriders: labels}, nil},
		"labels of a role by path":  {policyv1alpha1.OverrideSpec{ResourceSelectors: role, Overriders: at("/metadata/labels/a")}, nil},
		"the rules of a role":       {policyv1alpha1.OverrideSpec{ResourceSelectors: role, Overriders: at("/rules/0")}, []string{"Forbidden spec.resourceSelectors[1].kind"}},
		"an image in a role":        {policyv1alpha1.OverrideSpec{ResourceSelectors: role, OverrideRules: []policyv1alpha1.RuleWithCluster{{Overriders: policyv1alpha1.Overriders{ImageOverrider: []policyv1alpha1.ImageOverrider{{Component: "Tag", Operator: "remove"}}}}}}, []string{"Forbidden spec.resourceSelectors[1].kind"}},
		"templates from right here": {policyv1alpha1.OverrideSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Pod", Namespace: "shop"}}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: tt.spec}
			wantFaults(t, ValidateOverride(p), tt.want...)
		})
	}
}

// TestPointerRoundTrip: what is escaped by RFC 6901 is read back.
func TestPointerRoundTrip(t *testing.T) {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z~/01]{0,4}`), 1, 4).Draw(t, "parts")
		var pointer strings.Builder
		for _, part := range parts {
			pointer.WriteString("/" + escape.Replace(part))
		}
		got, err := parsePointer(pointer.String())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, "\x00") != strings.Join(parts, "\x00") {
			t.Fatalf("%q read as %q, want %q", pointer.String(), got, parts)
		}
	})
}
