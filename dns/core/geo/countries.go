package geo

// The table below is our own, written from general knowledge: country codes are those of ISO
// 3166-1, coordinates are rounded to a tenth of a degree, as facts in the public domain are. It
// says where a country's clients are most likely to be, which is near the middle of its people and
// not of its map: a Russian client is rarely in Siberia and a Canadian one never in Nunavut.

// centre is a point in degrees.
type centre struct{ latitude, longitude float64 }

type country struct {
	continent string
	centre
}

// KnownCountry reports whether code is an ISO 3166-1 alpha-2 code, or XK, which databases use for
// Kosovo.
func KnownCountry(code string) bool {
	_, ok := countries[code]
	return ok
}

// countries by code.
var countries = map[string]country{
	"AD": {"EU", centre{42.5, 1.5}},     // Andorra
	"AE": {"AS", centre{24.9, 55.0}},    // United Arab Emirates
	"AF": {"AS", centre{34.5, 68.0}},    // Afghanistan
	"AG": {"NA", centre{17.1, -61.8}},   // Antigua and Barbuda
	"AI": {"NA", centre{18.2, -63.1}},   // Anguilla
	"AL": {"EU", centre{41.2, 19.9}},    // Albania
	"AM": {"AS", centre{40.3, 44.6}},    // Armenia
	"AO": {"AF", centre{-10.5, 15.0}},   // Angola
	"AQ": {"AN", centre{-77.8, 166.7}},  // Antarctica
	"AR": {"SA", centre{-33.5, -60.8}},  // Argentina
	"AS": {"OC", centre{-14.3, -170.7}}, // American Samoa
	"AT": {"EU", centre{47.7, 14.9}},    // Austria
	"AU": {"OC", centre{-33.3, 146.3}},  // Australia
	"AW": {"NA", centre{12.5, -70.0}},   // Aruba
	"AX": {"EU", centre{60.1, 19.9}},    // Aland Islands
	"AZ": {"AS", centre{40.4, 48.9}},    // Azerbaijan
	"BA": {"EU", centre{44.2, 17.8}},    // Bosnia and Herzegovina
	"BB": {"NA", centre{13.1, -59.6}},   // Barbados
	"BD": {"AS", centre{23.8, 90.3}},    // Bangladesh
	"BE": {"EU", centre{50.9, 4.4}},     // Belgium
	"BF": {"AF", centre{12.3, -1.6}},    // Burkina Faso
	"BG": {"EU", centre{42.6, 24.5}},    // Bulgaria
	"BH": {"AS", centre{26.2, 50.5}},    // Bahrain
	"BI": {"AF", centre{-3.3, 29.8}},    // Burundi
	"BJ": {"AF", centre{7.0, 2.3}},      // Benin
	"BL": {"NA", centre{17.9, -62.8}},   // Saint Barthelemy
	"BM": {"NA", centre{32.3, -64.8}},   // Bermuda
	"BN": {"AS", centre{4.8, 114.8}},    // Brunei Darussalam
	"BO": {"SA", centre{-17.0, -66.0}},  // Bolivia
	"BQ": {"NA", centre{12.2, -68.3}},   // Bonaire, Sint Eustatius and Saba
	"BR": {"SA", centre{-16.0, -44.5}},  // Brazil
	"BS": {"NA", centre{25.0, -77.4}},   // Bahamas
	"BT": {"AS", centre{27.3, 90.2}},    // Bhutan
	"BV": {"AN", centre{-54.4, 3.4}},    // Bouvet Island
	"BW": {"AF", centre{-23.5, 26.2}},   // Botswana
	"BY": {"EU", centre{53.7, 27.8}},    // Belarus
	"BZ": {"NA", centre{17.4, -88.5}},   // Belize
	"CA": {"NA", centre{46.5, -84.5}},   // Canada
	"CC": {"AS", centre{-12.2, 96.8}},   // Cocos (Keeling) Islands
	"CD": {"AF", centre{-4.0, 22.5}},    // Congo, Democratic Republic of the
	"CF": {"AF", centre{5.0, 18.7}},     // Central African Republic
	"CG": {"AF", centre{-4.0, 14.6}},    // Congo
	"CH": {"EU", centre{47.1, 8.0}},     // Switzerland
	"CI": {"AF", centre{6.3, -5.0}},     // Cote d'Ivoire
	"CK": {"OC", centre{-21.2, -159.8}}, // Cook Islands
	"CL": {"SA", centre{-33.8, -71.1}},  // Chile
	"CM": {"AF", centre{4.8, 11.3}},     // Cameroon
	"CN": {"AS", centre{32.6, 112.9}},   // China
	"CO": {"SA", centre{5.3, -74.5}},    // Colombia
	"CR": {"NA", centre{9.9, -84.1}},    // Costa Rica
	"CU": {"NA", centre{22.2, -80.3}},   // Cuba
	"CV": {"AF", centre{15.1, -23.6}},   // Cabo Verde
	"CW": {"NA", centre{12.1, -68.9}},   // Curacao
	"CX": {"AS", centre{-10.4, 105.7}},  // Christmas Island
	"CY": {"AS", centre{35.0, 33.2}},    // Cyprus
	"CZ": {"EU", centre{49.8, 15.4}},    // Czechia
	"DE": {"EU", centre{50.8, 9.7}},     // Germany
	"DJ": {"AF", centre{11.6, 43.1}},    // Djibouti
	"DK": {"EU", centre{55.8, 11.0}},    // Denmark
	"DM": {"NA", centre{15.3, -61.4}},   // Dominica
	"DO": {"NA", centre{18.7, -70.2}},   // Dominican Republic
	"DZ": {"AF", centre{36.0, 3.5}},     // Algeria
	"EC": {"SA", centre{-1.3, -79.2}},   // Ecuador
	"EE": {"EU", centre{59.1, 25.4}},    // Estonia
	"EG": {"AF", centre{30.1, 31.2}},    // Egypt
	"EH": {"AF", centre{26.7, -12.9}},   // Western Sahara
	"ER": {"AF", centre{15.3, 38.8}},    // Eritrea
	"ES": {"EU", centre{40.0, -3.2}},    // Spain
	"ET": {"AF", centre{9.0, 38.8}},     // Ethiopia
	"FI": {"EU", centre{61.4, 25.0}},    // Finland
	"FJ": {"OC", centre{-17.9, 178.0}},  // Fiji
	"FK": {"SA", centre{-51.7, -58.2}},  // Falkland Islands
	"FM": {"OC", centre{6.9, 158.2}},    // Micronesia
	"FO": {"EU", centre{62.0, -6.8}},    // Faroe Islands
	"FR": {"EU", centre{47.3, 2.6}},     // France
	"GA": {"AF", centre{0.3, 10.2}},     // Gabon
	"GB": {"EU", centre{52.8, -1.7}},    // United Kingdom
	"GD": {"NA", centre{12.1, -61.7}},   // Grenada
	"GE": {"AS", centre{41.9, 44.0}},    // Georgia
	"GF": {"SA", centre{4.9, -52.5}},    // French Guiana
	"GG": {"EU", centre{49.5, -2.6}},    // Guernsey
	"GH": {"AF", centre{6.5, -1.0}},     // Ghana
	"GI": {"EU", centre{36.1, -5.4}},    // Gibraltar
	"GL": {"NA", centre{65.0, -51.5}},   // Greenland
	"GM": {"AF", centre{13.4, -16.4}},   // Gambia
	"GN": {"AF", centre{10.2, -12.0}},   // Guinea
	"GP": {"NA", centre{16.2, -61.5}},   // Guadeloupe
	"GQ": {"AF", centre{2.4, 9.8}},      // Equatorial Guinea
	"GR": {"EU", centre{38.7, 23.2}},    // Greece
	"GS": {"AN", centre{-54.3, -36.5}},  // South Georgia and the South Sandwich Islands
	"GT": {"NA", centre{14.8, -90.6}},   // Guatemala
	"GU": {"OC", centre{13.4, 144.8}},   // Guam
	"GW": {"AF", centre{11.9, -15.4}},   // Guinea-Bissau
	"GY": {"SA", centre{6.7, -58.0}},    // Guyana
	"HK": {"AS", centre{22.3, 114.2}},   // Hong Kong
	"HM": {"AN", centre{-53.1, 73.5}},   // Heard Island and McDonald Islands
	"HN": {"NA", centre{14.8, -87.0}},   // Honduras
	"HR": {"EU", centre{45.5, 16.2}},    // Croatia
	"HT": {"NA", centre{18.8, -72.4}},   // Haiti
	"HU": {"EU", centre{47.3, 19.4}},    // Hungary
	"ID": {"AS", centre{-6.0, 109.5}},   // Indonesia
	"IE": {"EU", centre{53.1, -7.2}},    // Ireland
	"IL": {"AS", centre{32.0, 34.9}},    // Israel
	"IM": {"EU", centre{54.2, -4.5}},    // Isle of Man
	"IN": {"AS", centre{22.3, 79.6}},    // India
	"IO": {"AS", centre{-7.3, 72.4}},    // British Indian Ocean Territory
	"IQ": {"AS", centre{33.3, 44.3}},    // Iraq
	"IR": {"AS", centre{34.6, 51.4}},    // Iran
	"IS": {"EU", centre{64.2, -21.4}},   // Iceland
	"IT": {"EU", centre{43.0, 11.9}},    // Italy
	"JE": {"EU", centre{49.2, -2.1}},    // Jersey
	"JM": {"NA", centre{18.1, -77.1}},   // Jamaica
	"JO": {"AS", centre{31.9, 35.9}},    // Jordan
	"JP": {"AS", centre{35.6, 137.4}},   // Japan
	"KE": {"AF", centre{-0.6, 36.8}},    // Kenya
	"KG": {"AS", centre{41.9, 73.6}},    // Kyrgyzstan
	"KH": {"AS", centre{11.9, 104.9}},   // Cambodia
	"KI": {"OC", centre{1.4, 173.0}},    // Kiribati
	"KM": {"AF", centre{-11.9, 43.6}},   // Comoros
	"KN": {"NA", centre{17.3, -62.7}},   // Saint Kitts and Nevis
	"KP": {"AS", centre{39.4, 126.1}},   // Korea, Democratic People's Republic of
	"KR": {"AS", centre{36.7, 127.6}},   // Korea, Republic of
	"KW": {"AS", centre{29.3, 47.9}},    // Kuwait
	"KY": {"NA", centre{19.3, -81.3}},   // Cayman Islands
	"KZ": {"AS", centre{46.5, 70.0}},    // Kazakhstan
	"LA": {"AS", centre{17.9, 103.6}},   // Lao People's Democratic Republic
	"LB": {"AS", centre{33.9, 35.6}},    // Lebanon
	"LC": {"NA", centre{13.9, -61.0}},   // Saint Lucia
	"LI": {"EU", centre{47.2, 9.5}},     // Liechtenstein
	"LK": {"AS", centre{7.2, 80.4}},     // Sri Lanka
	"LR": {"AF", centre{6.5, -10.3}},    // Liberia
	"LS": {"AF", centre{-29.4, 27.8}},   // Lesotho
	"LT": {"EU", centre{55.1, 24.1}},    // Lithuania
	"LU": {"EU", centre{49.6, 6.1}},     // Luxembourg
	"LV": {"EU", centre{56.9, 24.5}},    // Latvia
	"LY": {"AF", centre{32.2, 15.7}},    // Libya
	"MA": {"AF", centre{33.0, -6.8}},    // Morocco
	"MC": {"EU", centre{43.7, 7.4}},     // Monaco
	"MD": {"EU", centre{47.0, 28.7}},    // Moldova
	"ME": {"EU", centre{42.5, 19.2}},    // Montenegro
	"MF": {"NA", centre{18.1, -63.1}},   // Saint Martin (French part)
	"MG": {"AF", centre{-19.2, 47.2}},   // Madagascar
	"MH": {"OC", centre{7.1, 171.3}},    // Marshall Islands
	"MK": {"EU", centre{41.8, 21.5}},    // North Macedonia
	"ML": {"AF", centre{13.0, -6.8}},    // Mali
	"MM": {"AS", centre{19.6, 96.0}},    // Myanmar
	"MN": {"AS", centre{47.8, 106.0}},   // Mongolia
	"MO": {"AS", centre{22.2, 113.5}},   // Macao
	"MP": {"OC", centre{15.2, 145.7}},   // Northern Mariana Islands
	"MQ": {"NA", centre{14.6, -61.0}},   // Martinique
	"MR": {"AF", centre{18.0, -14.5}},   // Mauritania
	"MS": {"NA", centre{16.8, -62.2}},   // Montserrat
	"MT": {"EU", centre{35.9, 14.4}},    // Malta
	"MU": {"AF", centre{-20.2, 57.5}},   // Mauritius
	"MV": {"AS", centre{4.0, 73.4}},     // Maldives
	"MW": {"AF", centre{-14.3, 34.5}},   // Malawi
	"MX": {"NA", centre{20.5, -100.5}},  // Mexico
	"MY": {"AS", centre{3.6, 103.6}},    // Malaysia
	"MZ": {"AF", centre{-18.5, 35.8}},   // Mozambique
	"NA": {"AF", centre{-20.8, 17.0}},   // Namibia
	"NC": {"OC", centre{-22.1, 166.3}},  // New Caledonia
	"NE": {"AF", centre{13.8, 5.9}},     // Niger
	"NF": {"OC", centre{-29.0, 168.0}},  // Norfolk Island
	"NG": {"AF", centre{8.7, 6.8}},      // Nigeria
	"NI": {"NA", centre{12.4, -86.1}},   // Nicaragua
	"NL": {"EU", centre{52.1, 5.2}},     // Netherlands
	"NO": {"EU", centre{60.6, 9.8}},     // Norway
	"NP": {"AS", centre{27.6, 84.9}},    // Nepal
	"NR": {"OC", centre{-0.5, 166.9}},   // Nauru
	"NU": {"OC", centre{-19.1, -169.9}}, // Niue
	"NZ": {"OC", centre{-38.9, 175.2}},  // New Zealand
	"OM": {"AS", centre{22.8, 58.0}},    // Oman
	"PA": {"NA", centre{8.9, -79.9}},    // Panama
	"PE": {"SA", centre{-10.8, -76.2}},  // Peru
	"PF": {"OC", centre{-17.6, -149.5}}, // French Polynesia
	"PG": {"OC", centre{-6.5, 146.0}},   // Papua New Guinea
	"PH": {"AS", centre{13.0, 121.8}},   // Philippines
	"PK": {"AS", centre{30.8, 71.8}},    // Pakistan
	"PL": {"EU", centre{51.9, 19.3}},    // Poland
	"PM": {"NA", centre{46.8, -56.2}},   // Saint Pierre and Miquelon
	"PN": {"OC", centre{-25.1, -130.1}}, // Pitcairn
	"PR": {"NA", centre{18.3, -66.4}},   // Puerto Rico
	"PS": {"AS", centre{31.8, 34.9}},    // Palestine
	"PT": {"EU", centre{39.6, -8.6}},    // Portugal
	"PW": {"OC", centre{7.4, 134.5}},    // Palau
	"PY": {"SA", centre{-25.3, -56.9}},  // Paraguay
	"QA": {"AS", centre{25.3, 51.5}},    // Qatar
	"RE": {"AF", centre{-21.1, 55.5}},   // Reunion
	"RO": {"EU", centre{45.6, 25.6}},    // Romania
	"RS": {"EU", centre{44.4, 20.7}},    // Serbia
	"RU": {"EU", centre{55.8, 49.0}},    // Russian Federation
	"RW": {"AF", centre{-2.0, 30.0}},    // Rwanda
	"SA": {"AS", centre{24.0, 44.3}},    // Saudi Arabia
	"SB": {"OC", centre{-9.1, 159.8}},   // Solomon Islands
	"SC": {"AF", centre{-4.7, 55.5}},    // Seychelles
	"SD": {"AF", centre{14.5, 32.5}},    // Sudan
	"SE": {"EU", centre{58.6, 15.5}},    // Sweden
	"SG": {"AS", centre{1.35, 103.8}},   // Singapore
	"SH": {"AF", centre{-15.9, -5.7}},   // Saint Helena, Ascension and Tristan da Cunha
	"SI": {"EU", centre{46.1, 14.8}},    // Slovenia
	"SJ": {"EU", centre{78.2, 15.6}},    // Svalbard and Jan Mayen
	"SK": {"EU", centre{48.6, 19.0}},    // Slovakia
	"SL": {"AF", centre{8.3, -12.2}},    // Sierra Leone
	"SM": {"EU", centre{43.9, 12.5}},    // San Marino
	"SN": {"AF", centre{14.6, -16.3}},   // Senegal
	"SO": {"AF", centre{4.0, 45.3}},     // Somalia
	"SR": {"SA", centre{5.8, -55.2}},    // Suriname
	"SS": {"AF", centre{6.7, 30.6}},     // South Sudan
	"ST": {"AF", centre{0.3, 6.7}},      // Sao Tome and Principe
	"SV": {"NA", centre{13.7, -89.1}},   // El Salvador
	"SX": {"NA", centre{18.0, -63.1}},   // Sint Maarten (Dutch part)
	"SY": {"AS", centre{34.9, 37.0}},    // Syrian Arab Republic
	"SZ": {"AF", centre{-26.5, 31.4}},   // Eswatini
	"TC": {"NA", centre{21.8, -72.2}},   // Turks and Caicos Islands
	"TD": {"AF", centre{11.5, 16.5}},    // Chad
	"TF": {"AN", centre{-49.3, 69.3}},   // French Southern Territories
	"TG": {"AF", centre{7.2, 1.1}},      // Togo
	"TH": {"AS", centre{14.6, 100.9}},   // Thailand
	"TJ": {"AS", centre{38.4, 69.2}},    // Tajikistan
	"TK": {"OC", centre{-9.2, -171.8}},  // Tokelau
	"TL": {"AS", centre{-8.7, 125.8}},   // Timor-Leste
	"TM": {"AS", centre{38.4, 59.5}},    // Turkmenistan
	"TN": {"AF", centre{36.0, 10.1}},    // Tunisia
	"TO": {"OC", centre{-21.1, -175.2}}, // Tonga
	"TR": {"AS", centre{39.3, 32.5}},    // Turkiye
	"TT": {"NA", centre{10.5, -61.4}},   // Trinidad and Tobago
	"TV": {"OC", centre{-8.5, 179.2}},   // Tuvalu
	"TW": {"AS", centre{24.3, 121.0}},   // Taiwan
	"TZ": {"AF", centre{-5.9, 35.6}},    // Tanzania
	"UA": {"EU", centre{49.0, 31.5}},    // Ukraine
	"UG": {"AF", centre{0.9, 32.5}},     // Uganda
	"UM": {"OC", centre{19.3, 166.6}},   // United States Minor Outlying Islands
	"US": {"NA", centre{37.4, -92.2}},   // United States of America
	"UY": {"SA", centre{-34.4, -56.0}},  // Uruguay
	"UZ": {"AS", centre{40.3, 67.8}},    // Uzbekistan
	"VA": {"EU", centre{41.9, 12.5}},    // Holy See
	"VC": {"NA", centre{13.2, -61.2}},   // Saint Vincent and the Grenadines
	"VE": {"SA", centre{9.7, -67.8}},    // Venezuela
	"VG": {"NA", centre{18.4, -64.6}},   // Virgin Islands (British)
	"VI": {"NA", centre{18.2, -64.8}},   // Virgin Islands (U.S.)
	"VN": {"AS", centre{16.0, 106.7}},   // Viet Nam
	"VU": {"OC", centre{-17.0, 168.0}},  // Vanuatu
	"WF": {"OC", centre{-13.3, -176.2}}, // Wallis and Futuna
	"WS": {"OC", centre{-13.8, -171.8}}, // Samoa
	"XK": {"EU", centre{42.6, 21.0}},    // Kosovo (code in general use, not in ISO 3166-1)
	"YE": {"AS", centre{14.6, 44.6}},    // Yemen
	"YT": {"AF", centre{-12.8, 45.2}},   // Mayotte
	"ZA": {"AF", centre{-28.0, 28.2}},   // South Africa
	"ZM": {"AF", centre{-14.0, 28.4}},   // Zambia
	"ZW": {"AF", centre{-18.6, 30.5}},   // Zimbabwe
}
