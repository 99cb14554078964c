// Package differential asks the DNS server and two others, NSD and Knot, the same questions about the
// same zones, and wants the same answers. Zones and questions are generated from a seed. What may
// differ is listed, with the reason, and each such difference is checked to be just that.
package differential
