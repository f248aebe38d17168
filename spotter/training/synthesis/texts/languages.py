# ruff: noqa: RUF001 -- signs that look like others are what this is about
"""Words of many languages: short lists of accented and frequent words, and the machine's word lists."""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from pathlib import Path

FOLDER = Path("/usr/share/dict")
"""The folder of word lists of Debian's packages `wfrench`, `wngerman` and similar ones."""

_LISTS = {
    "de": ("ngerman", "ogerman", "swiss"),
    "fr": ("french",),
    "es": ("spanish",),
    "it": ("italian",),
    "pt": ("portuguese", "brazilian"),
    "nl": ("dutch",),
    "da": ("danish",),
    "sv": ("swedish",),
    "nb": ("bokmaal", "nynorsk"),
    "pl": ("polish",),
    "ca": ("catalan", "catala"),
    "fi": ("finnish",),
    "ga": ("irish",),
    "fo": ("faroese",),
    "gl": ("galician-minimos",),
    "sl": ("slovene",),
}
_READ = 4_000_000  # approximate bytes read of a list; of longer lists only every n-th line is read
_LONGEST = 32

_WORDS = {
    "fr": """
    été où déjà à élève français garçon être forêt même après père très Noël maïs naïve cœur sœur œuvre leçon reçu ça
    hôtel château août goût coûté dîner île aîné théâtre café thé résumé célèbre qualité société liberté égalité
    vérité entrée fermé ouvert défense interdit sortie rue prix facture numéro téléphone émission réseau société créé
    modifié clé médecin hôpital pharmacie boulangerie épicerie crêpe pâtes œuf bœuf gâteau crème brûlée rosé légumes
    pêche fraîche bientôt là-bas peut-être aujourd'hui c'est l'été d'accord qu'il n'est j'ai s'il Besançon Nîmes
    Orléans Québec Genève Müller Citroën Peugeot aiguë Saint-Étienne vôtre nôtre mûr sûr dû crû
    """,
    "de": """
    über für größer Straße weiß heiß groß Fuß süß Grüße schön Käse Brötchen Müller Größe Maß Gemäß äußerst öffnen
    Öffnung geöffnet geschlossen Ausgang Eingang Änderung ändern Übersicht übrig Überweisung Rückgabe zurück Stück
    Stücke Gebühr Geschäft Bäckerei Apotheke Ärzte Arzt Tür Schlüssel Frühstück Mittag Getränke Kühlschrank Küche
    Möbel Gerät Geräte Größenordnung Geschwindigkeitsbegrenzung Haftpflichtversicherung Donaudampfschifffahrt
    Rechtsschutzversicherung Umsatzsteuer Mehrwertsteuer Rechnung Summe Betrag bezahlt Bargeld Köln München Düsseldorf
    Würzburg Nürnberg Österreich Zürich Düren Tübingen möglich nötig natürlich täglich jährlich während außen außerdem
    bloß Spaß dreißig zwölf fünf
    """,
    "es": """
    año niño niña mañana español señor señora pequeño baño cuñado qué cómo dónde cuándo cuánto más también después
    está están día días teléfono número dirección información estación salida entrada prohibido peligro atención
    público código artículo crédito débito total importe café té azúcar jamón piña limón melón pingüino vergüenza
    bilingüe agüero lingüística España Málaga Cádiz León Córdoba México Perú Bogotá Medellín Asunción José María Ramón
    Ángel Núñez Muñoz Peña Ibáñez árbol avión canción corazón fácil difícil rápido último próximo único música médico
    básico política aquí allí así sí él tú
    """,
    "it": """
    città perché più già può però così è caffè tè università qualità libertà verità società età metà virtù gioventù
    lunedì martedì venerdì sì lì là giù laggiù né sé ciò poiché affinché benché trentatré l'acqua dell'arte un'altra
    c'è dov'è nell'anno all'uscita uscita ingresso vietato pericolo scontrino totale resto prezzo piazza strada corso
    farmacia panetteria gelateria zucchero formaggio prosciutto pesce è costerà sarà avrà farò dirò andrò potrà novità
    attività
    """,
    "pt": """
    não são pão mão irmão irmã maçã manhã amanhã coração informação estação avenida praça açúcar serviço preço almoço
    português você três mês café avó avô pé até só já há está será também além ninguém alguém números telefone
    endereço código público saída entrada proibido atenção perigo promoção liquidação farmácia água gás ônibus lâmpada
    câmera ciência experiência agência conferência Ceará São Paulo Brasília Goiânia João Conceição Gonçalves Araújo
    Simões à às àquele função ações opções limões cães mães põe põem
    """,
    "nl": """
    één coöperatie ideeën geïnteresseerd beïnvloeden coördinatie reünie België Italië financiën poëzie ruïne naïef
    zoëven café crème enquête scène première Citroën vóór hé ja nee openingstijden gesloten uitgang ingang straat
    prijs korting bedrag totaal btw fiets huis ijs ijzer rijksmuseum vrijheid zwart geel 's-Gravenhage 's foto's
    auto's zo'n Curaçao
    """,
    "da": """
    på så også når år gå være være blå rød grøn øl smørrebrød æble æg pære køb køkken børn brød nødudgang åben
    åbningstider lukket udgang indgang pris tilbud rabat beløb gade Ærø Århus Aalborg Sønderborg Østerbro København
    Bornholm Kærgård hjælp spørgsmål måned søndag lørdag fødselsdag forår sommer efterår vinter sø fjord skøn møde råd
    tårn væg dør gæst
    """,
    "nb": """
    på så også når år gå være blå rød grønn øl smør brød æra kjøtt kjøp kjøkken barn nødutgang åpen åpningstider
    stengt utgang inngang pris tilbud rabatt beløp gate Ålesund Tromsø Bodø Bærum Ærlig hjelp spørsmål måned søndag
    lørdag fødselsdag vår høst fjord skjønn møte råd tårn vegg dør gjest ø å bør tør fôr ôg fòr
    """,
    "sv": """
    på så också när år gå vara blå röd grön öl smör bröd äpple ägg päron köp kök barn nödutgång öppet öppettider
    stängt utgång ingång pris erbjudande rabatt belopp gata Örebro Västerås Malmö Göteborg Jönköping Åre Älvdalen
    hjälp fråga månad söndag lördag födelsedag vår höst skön möte råd torn vägg dörr gäst idé armé kafé kö sjö ö älg
    räksmörgås
    """,
    "fi": """
    hyvää päivää kiitos yö työ pöytä tyttö äiti isä pää sää jää löyly väylä hätäuloskäynti sisäänkäynti avoinna
    suljettu hinta alennus yhteensä määrä katu Jyväskylä Hämeenlinna Seinäjoki Ähtäri Åbo näyttö käyttöjärjestelmä
    tietokone järjestelmällisyys epäjärjestelmällistyttämättömyys lentokonesuihkuturbiinimoottori šakki žanri öljy älä
    miksi mitä
    """,
    "is": """
    það þú ég ekki vera ára á í ó ú ý æ ö þ ð Ísland Reykjavík Akureyri Hafnarfjörður Kópavogur Þórður Guðmundsdóttir
    Björk Sigríður opið lokað útgangur inngangur verð tilboð afsláttur upphæð gata mjög fjörður jökull eldfjall sjór
    fjall góðan daginn takk fyrir síðan þetta þessi bíll flugvöllur Þingvellir Eyjafjallajökull
    """,
    "pl": """
    się że już także proszę dziękuję dzień wejście wyjście zamknięte otwarte cena promocja zniżka kwota razem łącznie
    ulica Łódź Kraków Gdańsk Poznań Wrocław Częstochowa Świnoujście żółty źródło ćma łódka śnieg ósmy gęś mąż żona
    książka język mężczyzna kobieta dziewczyna chłopiec przepraszam uwaga niebezpieczeństwo zakaz palenia piekarnia
    apteka sklep Grzegorz Brzęczyszczykiewicz Wałęsa Małgorzata Żywiec paragon faktura sprzedaż należność pięć sześć
    dziewięć dziesięć
    """,
    "cs": """
    děkuji prosím dobrý večer vchod východ otevřeno zavřeno cena sleva částka celkem ulice náměstí Praha Plzeň Děčín
    Třebíč Šumperk České Budějovice Žďár Ústí příliš žluťoučký kůň úpěl ďábelské ódy řeka čtyři pět šest devět říjen
    září únor léto město člověk dítě těžký měsíc týden škola lékárna pekařství účet účtenka doklad zboží množství kuře
    sýr máslo mléko vejce pivo víno voda ředitel překlad hříbě tůně důvod ňadra ťuk Dvořák Němcová Novák Jiří Ondřej
    Zdeněk Václav Růžena
    """,
    "sk": """
    ďakujem prosím dobrý deň večer vchod východ otvorené zatvorené cena zľava suma spolu ulica námestie Bratislava
    Košice Žilina Prešov Ľubovňa Trnava Piešťany Štúr mäso mäkčeň kôň stôl môže ľudia ťava ďaleko ňuch vŕba stĺp tĺcť
    hŕba ŕ ĺ žena dieťa škola lekáreň pekáreň účet tovar množstvo kurča syr maslo mlieko vajce pôda kŕmidlo Ľudovít
    """,
    "hu": """
    köszönöm kérem jó napot estét bejárat kijárat nyitva zárva ár akció kedvezmény összeg összesen utca tér Győr Pécs
    Székesfehérvár Kőszeg Hódmezővásárhely Nyíregyháza Szűcs Erdős Bolyai árvíztűrő tükörfúrógép
    megszentségteleníthetetlenségeskedéseitekért hétfő kedd szerda csütörtök péntek szombat vasárnap gyógyszertár
    pékség bőr fű fűszer nő férfi gyűrű hűtő szőlő tűz őz víz tej sajt vaj tojás kenyér gyümölcs zöldség húsvét
    születésnap szomszéd személyazonosító igazolvány számla fizetendő
    """,
    "ro": """
    mulțumesc rog bună ziua intrare ieșire deschis închis preț reducere sumă total stradă piață București Iași
    Timișoara Brașov Constanța Galați Ploiești Târgu Mureș Câmpulung țară și să fără după până când cât mâine
    dimineață seară noapte oraș școală farmacie brutărie pâine brânză lapte ouă apă bere vin carne pește înghețată ușă
    fereastră mână picior față ochi întrebare răspuns știință învățământ societății funcționează țânțar șase șapte
    douăzeci Ștefan Țepeș Ănescu
    """,
    "tr": """
    teşekkürler lütfen günaydın iyi akşamlar giriş çıkış açık kapalı fiyat indirim tutar toplam sokak cadde İstanbul
    İzmir Eskişehir Muğla Çanakkale Diyarbakır Şanlıurfa Ağrı Iğdır ığüşöç çocuk öğretmen öğrenci okul eczane fırın
    ekmek süt peynir yumurta su çay kahve şeker tuz balık tavuk et üzüm çilek ağaç dağ göl ırmak güneş yağmur kış yaz
    sonbahar ilkbahar kâğıt hâlâ rüzgâr Çekoslovakyalılaştıramadıklarımızdan İbrahim Gülşen Ayşe Özgür Yıldız
    """,
    "hr": """
    hvala molim dobar dan večer ulaz izlaz otvoreno zatvoreno cijena popust iznos ukupno ulica trg Zagreb Šibenik
    Čakovec Đakovo Županja Požega Kaštela čovjek žena dijete škola ljekarna pekarnica kruh mlijeko sir jaje riba meso
    voda pivo vino čaša šećer đak džep ćup kuća noć šest četiri Đorđe Tomić Kovačević Ivančić ljubičica njuška
    """,
    "sl": """
    hvala prosim dober dan večer vhod izhod odprto zaprto cena popust znesek skupaj ulica trg Ljubljana Škofja Loka
    Žalec Črnomelj človek žena otrok šola lekarna pekarna kruh mleko sir jajce riba meso voda pivo vino čaj žlica šest
    štiri čebela ključ Prešeren
    """,
    "et": """
    aitäh palun tere õhtust sissepääs väljapääs avatud suletud hind allahindlus summa kokku tänav väljak Tallinn Pärnu
    Võru Jõgeva Põlva Kärdla õun öö äär ülikool jäääär kuuuurija sõber õpetaja kõrv jõgi küla pühapäev esmaspäev
    šokolaad žürii
    """,
    "lv": """
    paldies lūdzu labdien vakar ieeja izeja atvērts slēgts cena atlaide summa kopā iela laukums Rīga Jūrmala
    Daugavpils Liepāja Jēkabpils Ķegums Ļaudona Ņukšī ģimene ķermenis ļoti ņemt šķēres žurnāls čaks ēka ūdens ābols
    īss māja skola aptieka maize piens siers ola zivs gaļa alus vīns tēja cukurs sāls Ģirts Kārlis Žanis
    """,
    "lt": """
    ačiū prašom laba diena vakaras įėjimas išėjimas atidaryta uždaryta kaina nuolaida suma viso gatvė aikštė Vilnius
    Klaipėda Šiauliai Panevėžys Mažeikiai Tauragė ąžuolas ėjo ęs įmonė šuo ūkis ųjų žmogus čia mokykla vaistinė
    kepykla duona pienas sūris kiaušinis žuvis mėsa vanduo alus vynas arbata cukrus druska Žemaitė Čiurlionis Jūratė
    """,
    "mt": """
    grazzi jekk jogħġbok bonġu ħruġ dħul miftuħ magħluq prezz skont ammont triq pjazza Għarb Żebbuġ Birżebbuġa Ħamrun
    Ċirkewwa Ġgantija għajn żgħir ħobż ħalib ġobon bajd ħut laħam ilma birra nbid ċaqlaq ġenna għaqda
    """,
    "ga": """
    go raibh maith agat fáilte slí amach oscailte dúnta praghas lascaine iomlán sráid Baile Átha Cliath Corcaigh
    Gaillimh Éire Dún Laoghaire scoil cógaslann báicéir arán bainne cáis uibheacha iasc feoil uisce beoir fíon siúcra
    ó é í ú á Seán Máire Pádraig
    """,
    "cy": """
    diolch croeso allanfa mynedfa ar agor ar gau pris gostyngiad cyfanswm stryd Caerdydd Abertawe Llanfairpwllgwyngyll
    tŷ dŵr ŵyr ŷd tân môr pêl gêm siôp câr llwybr ysgol fferyllfa bara llaeth caws wyau pysgod cig cwrw gwin sïo
    """,
    "ca": """
    gràcies si us plau bon dia sortida entrada obert tancat preu rebaixa import total carrer plaça Barcelona Lleida
    Girona col·legi pel·lícula intel·ligència l'aigua d'estiu qüestió pingüí què això després està és més també català
    anglès francès camió avió pà vi formatge llet ous peix carn Lluís Núria Àngels Òmnium
    """,
    "sq": """
    faleminderit ju lutem mirëdita hyrje dalje hapur mbyllur çmimi zbritje shuma rruga sheshi Tiranë Vlorë Shkodër
    Gjirokastër Korçë është një për ndër çfarë përgjithësisht shkollë farmaci bukë qumësht djathë vezë peshk mish ujë
    birrë verë kafë
    """,
    "eo": """
    ĉu ĝi ĥoro ĵaŭdo ŝi ŭato dankon bonvolu eliro enirejo malfermita fermita prezo rabato sumo strato placo ĉiuj
    ĝardeno ĵurnalo ŝipo aŭto antaŭ ĉevalo ĝis eĥoŝanĝo ĉiuĵaŭde
    """,
    "az": """
    təşəkkür giriş çıxış açıq bağlı qiymət endirim məbləğ cəmi küçə Bakı Gəncə Sumqayıt Şəki məktəb əczaxana çörək süd
    pendir yumurta balıq ət su pivə şərab çay şəkər duz ağac dağ göl Əliyev Məmmədov
    """,
}
_GREEK = """
ευχαριστώ παρακαλώ καλημέρα καλησπέρα είσοδος έξοδος ανοιχτό κλειστό τιμή έκπτωση ποσό σύνολο οδός πλατεία Αθήνα
Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος Ιωάννινα Καβάλα Χανιά Ρόδος Κέρκυρα Ελλάδα Ελληνική Δημοκρατία άνθρωπος γυναίκα
άνδρας παιδί σχολείο φαρμακείο φούρνος ψωμί γάλα τυρί αυγά ψάρι κρέας νερό μπίρα κρασί καφές τσάι ζάχαρη αλάτι πιπέρι
λάδι ελιά ντομάτα δρόμος σπίτι θάλασσα ουρανός ήλιος φεγγάρι βουνό ποτάμι λίμνη νησί πόλη χωριό δέντρο λουλούδι σκύλος
γάτα άλογο βιβλίο εφημερίδα περιοδικό τηλέφωνο αριθμός διεύθυνση ταχυδρομείο τράπεζα νοσοκομείο αστυνομία πυροσβεστική
απαγορεύεται κίνδυνος προσοχή στάση λεωφορείο τρένο αεροδρόμιο λιμάνι πλοίο εισιτήριο απόδειξη τιμολόγιο πληρωμή
μετρητά κάρτα ΦΠΑ ΑΦΜ αξία ποσότητα είδος ημερομηνία ώρα λεπτά σήμερα αύριο χθες Δευτέρα Τρίτη Τετάρτη Πέμπτη Παρασκευή
Σάββατο Κυριακή και το της την των στο στη με για από που δεν θα να είναι ήταν έχει μπορεί πρέπει ναι όχι εγώ εσύ αυτός
εμείς εσείς ένα δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα δέκα εκατό χίλια μεγάλος μικρός καλός κακός νέος παλιός
ωραίος άσπρο μαύρο κόκκινο μπλε πράσινο κίτρινο Γιώργος Νίκος Μαρία Ελένη Κωνσταντίνος Δημήτρης Παπαδόπουλος Χρήστος
Ιωάννης Αλέξανδρος προϊόν μαϊμού ευφυής χαρτοπωλείο ζαχαροπλαστείο ψαροταβέρνα ξενοδοχείο εστιατόριο βενζινάδικο
υπερτιμολόγηση ηλεκτροεγκεφαλογράφημα
"""

GREEK = tuple(_GREEK.split())
"""Greek words with their accents."""

ACCENTED: Mapping[str, tuple[str, ...]] = {language: tuple(words.split()) for language, words in _WORDS.items()}
"""Words of languages in Latin letters, most of them with accents, by ISO 639 code."""


def read_list(file: Path) -> tuple[str, ...]:
    """The words of a list, one a line, in UTF-8 or else Latin-1; only words of letters, hyphens and apostrophes."""
    step = max(file.stat().st_size // _READ, 1)
    with file.open("rb") as stream:
        lines = list(islice(stream, 0, None, step))
    content = b"".join(lines)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return tuple(
        word for word in text.split() if 1 < len(word) < _LONGEST and word.replace("-", "").replace("'", "").isalpha()
    )


@cache
def word_lists(folder: Path = FOLDER) -> Mapping[str, tuple[str, ...]]:
    """The words of each language for which `folder` has a list, by ISO 639 code."""
    lists = {}
    for language, names in _LISTS.items():
        file = next((folder / name for name in names if (folder / name).is_file()), None)
        if file is not None:
            lists[language] = read_list(file)
    return lists
