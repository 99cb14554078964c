package traffic

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// ValidateZoneRecords says what is wrong with ZoneRecords. old is nil for new ones. Whether they can
// stand beside the records of others is not asked here.
func ValidateZoneRecords(new, old *trafficv1alpha1.ZoneRecords) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if new.Spec.Zone == "" {
		errs = append(errs, field.Required(spec.Child("zone"), "name the Zone object that the records belong to"))
	}
	if old != nil && old.Spec.Zone != new.Spec.Zone {
		errs = append(errs, field.Forbidden(spec.Child("zone"), fmt.Sprintf("can not be changed from %q; make new ZoneRecords for another zone", old.Spec.Zone)))
	}
	return append(errs, validateRecords(new.Spec.Records, "", spec.Child("records"))...)
}

func validateUpdates(u *trafficv1alpha1.Updates, domain string, path *field.Path) (errs field.ErrorList) {
	names := map[string]bool{}
	for i := range u.Keys {
		k, at := &u.Keys[i], path.Child("keys").Index(i)
		if names[k.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), k.Name))
		}
		names[k.Name] = true
		errs = append(errs, validateKey(k.Name, k.Algorithm, k.SecretRef, at)...)
		for j := range k.Grants {
			errs = append(errs, validateGrant(&k.Grants[j], domain, at.Child("grants").Index(j))...)
		}
	}
	return errs
}

func validateKey(name string, algorithm trafficv1alpha1.TSIGAlgorithm, ref trafficv1alpha1.SecretKeyRef, path *field.Path) (errs field.ErrorList) {
	algorithms := []trafficv1alpha1.TSIGAlgorithm{trafficv1alpha1.TSIGHMACSHA256, trafficv1alpha1.TSIGHMACSHA384, trafficv1alpha1.TSIGHMACSHA512}
	if why := notHost(name, true); why != "" {
		errs = append(errs, field.Invalid(path.Child("name"), name, "must be a domain name in lower case without the trailing dot, such as acme.example.com"))
	}
	if algorithm != "" && !slices.Contains(algorithms, algorithm) {
		errs = append(errs, field.NotSupported(path.Child("algorithm"), algorithm, algorithms))
	}
	if ref.Name == "" {
		errs = append(errs, field.Required(path.Child("secretRef", "name"), "name the Secret that holds the key"))
	}
	return errs
}

func validateGrant(g *trafficv1alpha1.UpdateGrant, domain string, path *field.Path) (errs field.ErrorList) {
	if len(g.Names) == 0 {
		errs = append(errs, field.Required(path.Child("names"), `name what may be changed, such as "*.dev" or "_acme-challenge.*"`))
	}
	for i, name := range g.Names {
		at := path.Child("names").Index(i)
		rest := strings.TrimSuffix(strings.TrimPrefix(name, "*."), ".*")
		if name != "@" && name != "*" && notHost(rest, true) != "" {
			errs = append(errs, field.Invalid(at, name, `must be relative to the zone and in lower case, such as www, *.dev, _acme-challenge.* or @`))
		} else if domain != "" && inside(name, domain) {
			errs = append(errs, field.Invalid(at, name, fmt.Sprintf("must be relative to the zone: leave out %s", domain)))
		}
	}
	for i, name := range g.Types {
		t, err := rdata.ParseType(name)
		switch at := path.Child("types").Index(i); {
		case err != nil:
			errs = append(errs, field.Invalid(at, name, err.Error()))
		case rdata.IsDelegation(t):
			errs = append(errs, field.Invalid(at, name, "delegations stand in the Zone itself: leave it out"))
		}
	}
	return errs
}
