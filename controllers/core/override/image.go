package override

import (
	"fmt"
	"regexp"
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

// changeImage changes one part of a name. shown is what errors call the image.
func changeImage(name, shown string, o *policyv1alpha1.ImageOverrider, path *field.Path) (string, error) {
	i := parseImage(name)
	var part *string
	switch o.Component {
	case policyv1alpha1.ImageRegistry:
		part = &i.registry
	case policyv1alpha1.ImageRepository:
		part = &i.repository
	case policyv1alpha1.ImageTag:
		return i.changeTag(name, shown, o, path)
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
		return "", field.Invalid(path, o.Component, "leaves the image "+shown+" without a repository")
	}
	return i.checked(name, shown, o, path)
}

// changeTag treats tag and digest as one: whichever there is, a new value takes its place.
func (i image) changeTag(name, shown string, o *policyv1alpha1.ImageOverrider, path *field.Path) (string, error) {
	switch o.Operator {
	case policyv1alpha1.OverriderOpAdd:
		if i.digest != "" {
			return "", field.Invalid(path.Child("operator"), o.Operator, "the image "+shown+" has a digest, which can not be extended; use replace")
		}
		i.setTag(i.tag + o.Value)
	case policyv1alpha1.OverriderOpReplace:
		i.setTag(o.Value)
	case policyv1alpha1.OverriderOpRemove:
		i.setTag("")
	default:
		return "", unknownOperator(path, o.Operator)
	}
	return i.checked(name, shown, o, path)
}

// setTag sets the tag, or the digest: that has a colon, such as sha256:….
func (i *image) setTag(value string) {
	i.tag, i.digest = value, ""
	if strings.Contains(value, ":") {
		i.tag, i.digest = "", value
	}
}

// longestName is the longest name of an image without its tag that the registries' protocol allows.
const longestName = 255

// wellFormed is an image's name: [host[:port]/]path[:tag][@digest].
var wellFormed = regexp.MustCompile(`^[^\s:@/]+(:[0-9]+)?(/[^\s:@/]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[A-Za-z0-9+._-]+:[0-9A-Fa-f]+)?$`)

// checked returns the name of the image, unless the change made a name of what was one before into
// something that is none.
func (i image) checked(before, shown string, o *policyv1alpha1.ImageOverrider, path *field.Path) (string, error) {
	after := i.String()
	if len(i.registry)+len(i.repository) > longestName {
		return "", field.Invalid(path.Child("value"), o.Value, fmt.Sprintf("makes the name of the image %s longer than %d characters", shown, longestName))
	}
	if !wellFormed.MatchString(after) && wellFormed.MatchString(before) {
		return "", field.Invalid(path.Child("value"), o.Value, fmt.Sprintf("is no %s for the image %s: registry/repository:tag or registry/repository@digest must result", strings.ToLower(string(o.Component)), shown))
	}
	return after, nil
}
