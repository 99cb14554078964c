// Package webhook is admission on the hub: it fills in the defaults of what users write and refuses
// what can not be right, with an error that names the field and the fix.
//
// The rules are those of api/validation, and the reconcilers apply them again, so a webhook that is
// down opens no door: that is why its failure policy is Ignore, and no write to the hub ever waits
// for Seaway. The one exception is what only admission can enforce, a quota: see SetupQuota.
package webhook
