package evict

import (
	"bytes"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/util/jsonpath"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// readState evaluates rules on a status. Their paths are templates as of kubectl, such as "{.jobStatus.id}",
// and start at the status; the braces around a single path may be left out. What can visit a value many times
// over is refused: a few signs of it would keep the hub busy for ever, and none finds one value.
func readState(rules []policyv1alpha1.StatePreservationRule, status []byte) (map[string]string, error) {
	var data any
	if err := json.Unmarshal(status, &data); err != nil {
		return nil, fmt.Errorf("read the status: %w", err)
	}
	labels := make(map[string]string, len(rules))
	for _, rule := range rules {
		value, err := evaluate(rule.JSONPath, data)
		if err != nil {
			return nil, fmt.Errorf("label %s: jsonPath %s: %w", rule.AliasLabelName, rule.JSONPath, err)
		}
		if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
			return nil, fmt.Errorf("label %s: %.80q can not be the value of a label: %s", rule.AliasLabelName, value, strings.Join(wrong, "; "))
		}
		labels[rule.AliasLabelName] = value
	}
	return labels, nil
}

func evaluate(path string, data any) (string, error) {
	if strings.HasPrefix(path, ".") || strings.HasPrefix(path, "$") {
		path = "{" + path + "}"
	}
	tree, err := jsonpath.Parse("state", path)
	if err != nil {
		return "", err
	}
	if what := tooBroad(tree.Root); what != "" {
		return "", fmt.Errorf("%s is not allowed; name one value", what)
	}
	parsed := jsonpath.New("state")
	if err := parsed.Parse(path); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return "", err
	}
	return out.String(), nil
}

// tooBroad names what visits values more than once: everything else costs no more than the status is large.
func tooBroad(list *jsonpath.ListNode) string {
	for _, node := range list.Nodes {
		what := ""
		switch node := node.(type) {
		case *jsonpath.RecursiveNode:
			what = "recursion (..)"
		case *jsonpath.UnionNode:
			what = "a union ([a,b])"
		case *jsonpath.IdentifierNode:
			what = node.Name // range and end
		case *jsonpath.ListNode:
			what = tooBroad(node)
		case *jsonpath.FilterNode:
			if what = tooBroad(node.Left); what == "" {
				what = tooBroad(node.Right)
			}
		}
		if what != "" {
			return what
		}
	}
	return ""
}
