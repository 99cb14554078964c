package geo

// subdivisions are the middles of the states and provinces of the countries that are too wide for
// one point, by ISO 3166-2 code, from general knowledge like the table of countries: Australia,
// Brazil, Canada, China, India and the United States. A database that knows subdivisions mostly
// knows coordinates too, which are better; this is for those that do not.
var subdivisions = map[string]centre{
	"AU-ACT": {-35.3, 149.1}, // Australian Capital Territory
	"AU-NSW": {-33.6, 150.9}, // New South Wales
	"AU-NT":  {-13.5, 131.5}, // Northern Territory
	"AU-QLD": {-26.0, 152.3}, // Queensland
	"AU-SA":  {-34.8, 138.6}, // South Australia
	"AU-TAS": {-42.2, 147.0}, // Tasmania
	"AU-VIC": {-37.7, 144.9}, // Victoria
	"AU-WA":  {-31.8, 116.2}, // Western Australia
	"BR-AC":  {-9.7, -68.0},  // Acre
	"BR-AL":  {-9.6, -36.0},  // Alagoas
	"BR-AM":  {-3.2, -60.3},  // Amazonas
	"BR-AP":  {0.1, -51.1},   // Amapa
	"BR-BA":  {-12.9, -39.7}, // Bahia
	"BR-CE":  {-4.2, -38.9},  // Ceara
	"BR-DF":  {-15.8, -48.0}, // Distrito Federal
	"BR-ES":  {-20.1, -40.4}, // Espirito Santo
	"BR-GO":  {-16.6, -49.3}, // Goias
	"BR-MA":  {-3.8, -44.7},  // Maranhao
	"BR-MG":  {-19.7, -44.4}, // Minas Gerais
	"BR-MS":  {-20.9, -54.7}, // Mato Grosso do Sul
	"BR-MT":  {-15.0, -56.0}, // Mato Grosso
	"BR-PA":  {-2.5, -49.3},  // Para
	"BR-PB":  {-7.1, -35.8},  // Paraiba
	"BR-PE":  {-8.2, -35.8},  // Pernambuco
	"BR-PI":  {-5.8, -42.6},  // Piaui
	"BR-PR":  {-24.7, -51.1}, // Parana
	"BR-RJ":  {-22.7, -43.1}, // Rio de Janeiro
	"BR-RN":  {-5.7, -36.0},  // Rio Grande do Norte
	"BR-RO":  {-10.2, -62.6}, // Rondonia
	"BR-RR":  {2.7, -60.7},   // Roraima
	"BR-RS":  {-29.5, -52.2}, // Rio Grande do Sul
	"BR-SC":  {-27.1, -49.6}, // Santa Catarina
	"BR-SE":  {-10.8, -37.2}, // Sergipe
	"BR-SP":  {-23.1, -47.0}, // Sao Paulo
	"BR-TO":  {-9.5, -48.4},  // Tocantins
	"CA-AB":  {52.2, -113.8}, // Alberta
	"CA-BC":  {49.5, -122.6}, // British Columbia
	"CA-MB":  {49.9, -97.3},  // Manitoba
	"CA-NB":  {46.1, -66.0},  // New Brunswick
	"CA-NL":  {47.9, -54.0},  // Newfoundland and Labrador
	"CA-NS":  {44.9, -63.4},  // Nova Scotia
	"CA-NT":  {62.4, -115.0}, // Northwest Territories
	"CA-NU":  {66.0, -82.0},  // Nunavut
	"CA-ON":  {44.0, -79.6},  // Ontario
	"CA-PE":  {46.3, -63.2},  // Prince Edward Island
	"CA-QC":  {46.1, -72.7},  // Quebec
	"CA-SK":  {51.3, -105.8}, // Saskatchewan
	"CA-YT":  {60.9, -135.2}, // Yukon
	"CN-AH":  {32.1, 117.1},  // Anhui
	"CN-BJ":  {39.9, 116.4},  // Beijing
	"CN-CQ":  {29.7, 106.9},  // Chongqing
	"CN-FJ":  {25.4, 118.4},  // Fujian
	"CN-GD":  {22.9, 113.5},  // Guangdong
	"CN-GS":  {35.5, 104.6},  // Gansu
	"CN-GX":  {23.3, 108.9},  // Guangxi
	"CN-GZ":  {26.9, 106.7},  // Guizhou
	"CN-HA":  {34.1, 113.9},  // Henan
	"CN-HB":  {30.8, 112.9},  // Hubei
	"CN-HE":  {38.4, 115.7},  // Hebei
	"CN-HI":  {19.6, 110.1},  // Hainan
	"CN-HK":  {22.3, 114.2},  // Hong Kong
	"CN-HL":  {46.4, 127.7},  // Heilongjiang
	"CN-HN":  {27.7, 112.1},  // Hunan
	"CN-JL":  {43.8, 125.6},  // Jilin
	"CN-JS":  {32.3, 119.5},  // Jiangsu
	"CN-JX":  {27.8, 115.8},  // Jiangxi
	"CN-LN":  {41.2, 122.7},  // Liaoning
	"CN-MO":  {22.2, 113.5},  // Macao
	"CN-NM":  {42.0, 114.5},  // Inner Mongolia
	"CN-NX":  {37.7, 106.2},  // Ningxia
	"CN-QH":  {36.6, 101.2},  // Qinghai
	"CN-SC":  {30.3, 104.4},  // Sichuan
	"CN-SD":  {36.2, 118.2},  // Shandong
	"CN-SH":  {31.2, 121.4},  // Shanghai
	"CN-SN":  {34.3, 108.8},  // Shaanxi
	"CN-SX":  {37.3, 112.4},  // Shanxi
	"CN-TJ":  {39.1, 117.3},  // Tianjin
	"CN-TW":  {24.3, 121.0},  // Taiwan
	"CN-XJ":  {42.5, 82.5},   // Xinjiang
	"CN-XZ":  {29.8, 91.0},   // Tibet
	"CN-YN":  {24.9, 102.0},  // Yunnan
	"CN-ZJ":  {29.4, 120.6},  // Zhejiang
	"IN-AN":  {11.9, 92.8},   // Andaman and Nicobar Islands
	"IN-AP":  {16.0, 80.5},   // Andhra Pradesh
	"IN-AR":  {27.5, 94.5},   // Arunachal Pradesh
	"IN-AS":  {26.3, 92.3},   // Assam
	"IN-BR":  {25.7, 85.6},   // Bihar
	"IN-CG":  {21.5, 82.0},   // Chhattisgarh
	"IN-CH":  {30.7, 76.8},   // Chandigarh
	"IN-CT":  {21.5, 82.0},   // Chhattisgarh, code before 2023
	"IN-DH":  {20.3, 73.0},   // Dadra and Nagar Haveli and Daman and Diu
	"IN-DL":  {28.6, 77.2},   // Delhi
	"IN-GA":  {15.4, 73.9},   // Goa
	"IN-GJ":  {22.3, 72.0},   // Gujarat
	"IN-HP":  {31.5, 76.8},   // Himachal Pradesh
	"IN-HR":  {28.9, 76.7},   // Haryana
	"IN-JH":  {23.7, 85.7},   // Jharkhand
	"IN-JK":  {33.6, 74.9},   // Jammu and Kashmir
	"IN-KA":  {14.0, 76.3},   // Karnataka
	"IN-KL":  {10.2, 76.3},   // Kerala
	"IN-LA":  {34.3, 77.2},   // Ladakh
	"IN-LD":  {10.6, 72.6},   // Lakshadweep
	"IN-MH":  {19.2, 75.2},   // Maharashtra
	"IN-ML":  {25.5, 91.3},   // Meghalaya
	"IN-MN":  {24.7, 93.9},   // Manipur
	"IN-MP":  {23.5, 78.2},   // Madhya Pradesh
	"IN-MZ":  {23.5, 92.8},   // Mizoram
	"IN-NL":  {26.0, 94.3},   // Nagaland
	"IN-OD":  {20.6, 85.1},   // Odisha
	"IN-OR":  {20.6, 85.1},   // Odisha, code before 2023
	"IN-PB":  {31.0, 75.5},   // Punjab
	"IN-PY":  {11.9, 79.8},   // Puducherry
	"IN-RJ":  {26.6, 74.6},   // Rajasthan
	"IN-SK":  {27.3, 88.5},   // Sikkim
	"IN-TG":  {17.6, 78.7},   // Telangana, code before 2023
	"IN-TN":  {11.3, 78.8},   // Tamil Nadu
	"IN-TR":  {23.8, 91.5},   // Tripura
	"IN-TS":  {17.6, 78.7},   // Telangana
	"IN-UK":  {29.8, 78.7},   // Uttarakhand
	"IN-UP":  {26.9, 80.8},   // Uttar Pradesh
	"IN-UT":  {29.8, 78.7},   // Uttarakhand, code before 2023
	"IN-WB":  {23.4, 88.0},   // West Bengal
	"US-AK":  {61.4, -148.9}, // Alaska
	"US-AL":  {33.0, -86.8},  // Alabama
	"US-AR":  {35.1, -92.6},  // Arkansas
	"US-AZ":  {33.4, -111.8}, // Arizona
	"US-CA":  {35.5, -119.4}, // California
	"US-CO":  {39.5, -105.2}, // Colorado
	"US-CT":  {41.5, -72.9},  // Connecticut
	"US-DC":  {38.9, -77.0},  // District of Columbia
	"US-DE":  {39.4, -75.6},  // Delaware
	"US-FL":  {27.8, -81.6},  // Florida
	"US-GA":  {33.4, -83.9},  // Georgia
	"US-HI":  {21.1, -157.5}, // Hawaii
	"US-IA":  {41.9, -93.1},  // Iowa
	"US-ID":  {44.2, -115.1}, // Idaho
	"US-IL":  {41.3, -88.4},  // Illinois
	"US-IN":  {40.2, -86.3},  // Indiana
	"US-KS":  {38.5, -96.5},  // Kansas
	"US-KY":  {37.8, -85.2},  // Kentucky
	"US-LA":  {30.7, -91.5},  // Louisiana
	"US-MA":  {42.3, -71.4},  // Massachusetts
	"US-MD":  {39.1, -76.8},  // Maryland
	"US-ME":  {44.3, -69.7},  // Maine
	"US-MI":  {42.9, -84.2},  // Michigan
	"US-MN":  {45.2, -93.6},  // Minnesota
	"US-MO":  {38.4, -92.2},  // Missouri
	"US-MS":  {32.6, -89.6},  // Mississippi
	"US-MT":  {46.8, -111.2}, // Montana
	"US-NC":  {35.6, -79.7},  // North Carolina
	"US-ND":  {47.4, -99.3},  // North Dakota
	"US-NE":  {41.2, -97.4},  // Nebraska
	"US-NH":  {43.2, -71.5},  // New Hampshire
	"US-NJ":  {40.4, -74.4},  // New Jersey
	"US-NM":  {34.6, -106.3}, // New Mexico
	"US-NV":  {37.2, -116.3}, // Nevada
	"US-NY":  {41.5, -74.6},  // New York
	"US-OH":  {40.5, -82.8},  // Ohio
	"US-OK":  {35.6, -96.8},  // Oklahoma
	"US-OR":  {44.7, -122.6}, // Oregon
	"US-PA":  {40.5, -77.1},  // Pennsylvania
	"US-RI":  {41.8, -71.5},  // Rhode Island
	"US-SC":  {34.0, -81.0},  // South Carolina
	"US-SD":  {44.0, -99.0},  // South Dakota
	"US-TN":  {35.8, -86.4},  // Tennessee
	"US-TX":  {30.9, -97.4},  // Texas
	"US-UT":  {40.5, -111.9}, // Utah
	"US-VA":  {37.8, -77.8},  // Virginia
	"US-VT":  {44.1, -72.8},  // Vermont
	"US-WA":  {47.3, -121.6}, // Washington
	"US-WI":  {43.7, -89.0},  // Wisconsin
	"US-WV":  {38.8, -80.8},  // West Virginia
	"US-WY":  {42.7, -107.0}, // Wyoming
}
