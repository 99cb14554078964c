package override

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// image is a container image's name: registry/repository:tag@digest, all but the repository optional.
type image struct {
	registry, repository, tag, digest string
}

// parseImage takes a name apart by the rule of Docker: what is before the first slash is a registry
// if it has a dot or a port or is "localhost".
func parseImage(name string) image {
	var i image
	rest, digest, _ := strings.Cut(name, "@")
	i.digest = digest
	if host, path, ok := strings.Cut(rest, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		i.registry, rest = host, path
	}
	i.repository = rest
	if colon := strings.LastIndex(rest, ":"); colon > strings.LastIndex(rest, "/") {
		i.repository, i.tag = rest[:colon], rest[colon+1:]
	}
	return i
}

func (i image) String() string {
	name := i.repository
	if i.registry != "" {
		name = i.registry + "/" + name
	}
	if i.tag != "" {
		name += ":" + i.tag
	}
	if i.digest != "" {
		name += "@" + i.digest
	}
	return name
}

func changeImage(name string, o *policyv1alpha1.ImageOverrider, path *field.Path) (string, error) {
	i := parseImage(name)
	var part *string
	switch o.Component {
	case policyv1alpha1.ImageRegistry:
		part = &i.registry
	case policyv1alpha1.ImageRepository:
		part = &i.repository
	case policyv1alpha1.ImageTag:
		return i.changeTag(o, path)
	default:
		return "", field.NotSupported(path.Child("component"), o.Component,
			[]policyv1alpha1.ImageComponent{policyv1alpha1.ImageRegistry, policyv1alpha1.ImageRepository, policyv1alpha1.ImageTag})
	}
	switch o.Operator {
	case policyv1alpha1.OverriderOpAdd:
		*part += o.Value
	case policyv1alpha1.OverriderOpReplace:
		*part = o.Value
	case policyv1alpha1.OverriderOpRemove:
		*part = ""
	default:
		return "", unknownOperator(path, o.Operator)
	}
	if i.repository == "" {
		return "", field.Invalid(path, o.Component, "leaves the image "+name+" without a repository")
	}
	return i.String(), nil
}

// changeTag treats tag and digest as one: whichever there is, a new value takes its place.
func (i image) changeTag(o *policyv1alpha1.ImageOverrider, path *field.Path) (string, error) {
	switch o.Operator {
	case policyv1alpha1.OverriderOpAdd:
		if i.digest != "" {
			return "", field.Invalid(path.Child("operator"), o.Operator, "the image "+i.String()+" has a digest, which can not be extended; use replace")
		}
		i.tag += o.Value
	case policyv1alpha1.OverriderOpReplace:
		i.tag, i.digest = o.Value, ""
		if strings.HasPrefix(o.Value, "sha256:") {
			i.tag, i.digest = "", o.Value
		}
	case policyv1alpha1.OverriderOpRemove:
		i.tag, i.digest = "", ""
	default:
		return "", unknownOperator(path, o.Operator)
	}
	return i.String(), nil
}
