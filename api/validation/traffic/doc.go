// Package traffic fills in the defaults of the kinds of traffic.seaway.dev and says what is wrong with
// them. Admission calls it, and so do the controllers: an object that came in while admission was away
// is judged all the same. The rules of the CRD schemas are repeated only where breaking one would
// break the code behind it.
//
// Every error names the field and what to write instead.
package traffic
