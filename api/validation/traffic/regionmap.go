package traffic

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// ValidateRegionMap says what is wrong with a RegionMap. old is nil for a new one. Whether another
// RegionMap defines the same region is not asked here.
func ValidateRegionMap(new, old *trafficv1alpha1.RegionMap) field.ErrorList {
	path := field.NewPath("spec", "regions")
	if len(new.Spec.Regions) == 0 {
		return field.ErrorList{field.Required(path, "define at least one region")}
	}
	var errs field.ErrorList
	names := map[string]bool{}
	owners := clientOwners{}
	for i := range new.Spec.Regions {
		r := &new.Spec.Regions[i]
		at := path.Index(i)
		if r.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), "write the region as clusters carry it in spec.region"))
		}
		if names[r.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), r.Name))
		}
		names[r.Name] = true
		errs = append(errs, validateLocation(r.Location, at.Child("location"))...)
		errs = append(errs, owners.validate(r, at.Child("clients"))...)
	}
	return errs
}

func validateLocation(c *trafficv1alpha1.Coordinates, path *field.Path) (errs field.ErrorList) {
	if c == nil {
		return nil
	}
	if notDegrees(c.Latitude, 90) {
		errs = append(errs, field.Invalid(path.Child("latitude"), c.Latitude, "must be decimal degrees from -90 to 90, such as 50.11"))
	}
	if notDegrees(c.Longitude, 180) {
		errs = append(errs, field.Invalid(path.Child("longitude"), c.Longitude, "must be decimal degrees from -180 to 180, such as 8.68"))
	}
	return errs
}

func notDegrees(s string, most float64) bool {
	if strings.Trim(s, "-.0123456789") != "" {
		return true
	}
	f, err := strconv.ParseFloat(s, 64)
	return err != nil || f < -most || f > most
}

// clientOwners remembers which region has which clients, so that no two have the same.
type clientOwners map[string]string

func (o clientOwners) validate(r *trafficv1alpha1.Region, path *field.Path) (errs field.ErrorList) {
	if r.Clients == nil {
		return nil
	}
	for i, cidr := range r.Clients.Networks {
		at := path.Child("networks").Index(i)
		if _, why := parseNetwork(cidr); why != "" {
			errs = append(errs, field.Invalid(at, cidr, why))
		}
		errs = append(errs, o.claim("network ", cidr, r.Name, at)...)
	}
	for i, asn := range r.Clients.ASNs {
		at := path.Child("asns").Index(i)
		if asn < 1 || asn > 4294967295 {
			errs = append(errs, field.Invalid(at, asn, "must be an autonomous system number, from 1 to 4294967295"))
		}
		errs = append(errs, o.claim("AS", strconv.FormatInt(asn, 10), r.Name, at)...)
	}
	for i, code := range r.Clients.Subdivisions {
		at := path.Child("subdivisions").Index(i)
		country, part, _ := strings.Cut(code, "-")
		if !isCode(country, 2, 2, false) || !isCode(part, 1, 3, true) {
			errs = append(errs, field.Invalid(at, code, "must be an ISO 3166-2 code in capitals, such as US-CA"))
		}
		errs = append(errs, o.claim("subdivision ", code, r.Name, at)...)
	}
	for i, code := range r.Clients.Countries {
		at := path.Child("countries").Index(i)
		if !isCode(code, 2, 2, false) {
			errs = append(errs, field.Invalid(at, code, "must be an ISO 3166-1 alpha-2 code in capitals, such as DE"))
		}
		errs = append(errs, o.claim("country ", code, r.Name, at)...)
	}
	return errs
}

func (o clientOwners) claim(kind, value, region string, path *field.Path) field.ErrorList {
	owner, taken := o[kind+value]
	if taken {
		return field.ErrorList{field.Invalid(path, value, fmt.Sprintf("is named by region %s already; name it once", owner))}
	}
	o[kind+value] = region
	return nil
}

func isCode(s string, least, most int, digits bool) bool {
	return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (!digits || r < '0' || r > '9')
	})
}
