/// A time as HTTP has it (RFC 9110 §5.6.7), to the second and in UTC: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter seconds: Since 1970; within the years 1 to 9999.
    static func text(_ seconds: Int64) -> String {
        let seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
        let civil = CivilTime(seconds)
        return "\(weekdays[civil.weekday]), \(padded(civil.day)) \(months[civil.month - 1]) \(padded(civil.year, 4)) "
            + "\(padded(civil.hour)):\(padded(civil.minute)):\(padded(civil.second)) GMT"
    }

    /// Seconds since 1970; nil for anything but the form that ``text(_:)`` gives.
    static func seconds(_ text: some StringProtocol) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", words[0].count == 4, words[1].count == 2,
            let day = Int64(words[1]), let month = months.firstIndex(of: String(words[2])),
            words[3].count == 4, let year = Int64(words[3]), year >= 1, (1...31).contains(day)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) ?? -1 }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let days = CivilTime.days(year: year, month: Int64(month) + 1, day: day)
        return days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    static func padded(_ value: Int, _ width: Int = 2) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// A time in UTC by the proleptic Gregorian calendar.
struct CivilTime: Hashable, Sendable {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    /// 0 for Sunday.
    let weekday: Int

    /// - Parameter seconds: Since 1970.
    init(_ seconds: Int64) {
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let rest = Int(seconds - days * 86_400)
        // Hinnant's civil_from_days: years begin in March, so that the leap day is a year's last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = Int(((days + 4) % 7 + 7) % 7)
    }

    /// Days since 1970.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// RFC 3339.
    var text: String {
        "\(HTTPDate.padded(year, 4))-\(HTTPDate.padded(month))-\(HTTPDate.padded(day))"
            + "T\(HTTPDate.padded(hour)):\(HTTPDate.padded(minute)):\(HTTPDate.padded(second))"
    }
}
