// Package geodb reads geo databases into [geo.Source]: files in the MaxMind format of whatever
// vendor and schema, and a coarse country table that is built in.
//
// It does not look anything up (package geo does) and does not watch files: whoever opens a
// database decides when to open it again. A file is read completely and closed before Open returns;
// replacing it afterwards, even in place, does no harm.
package geodb
